"""``swarmnet lab``: several real Docker hosts on this machine."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.commands.lab.view import HostArgument, NameOption, chosen, parsed_subnet, print_status, show
from swarmnet.cli.options import YES_VARIABLE, JsonOption, grouped
from swarmnet.cli.streams import echo_json
from swarmnet.cli.wiring import note
from swarmnet.errors import LabError, UsageError
from swarmnet.lab.roots.engines import DEFAULT_ENGINE, ENGINES
from swarmnet.lab.spec import DEFAULT_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from swarmnet.lab.spec import KernelWish

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet lab up --hosts 3 --inventory lab.yml"


EngineOption = Annotated[
    str,
    typer.Option(
        "--engine", metavar="VERSION", help=f"Engine of the hosts: {', '.join(ENGINES)}; or one per host, with commas."
    ),
]
_KERNEL_HELP = (
    "shared: hosts are namespaces and start in seconds. own: each host boots its own kernel, with routing mesh and "
    "encryption. auto: shared where this machine's kernel has both. Or one per host, with commas."
)
KernelOption = Annotated[str, typer.Option("--kernel", metavar="KIND", help=_KERNEL_HELP)]


SetupYesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Install packages without a question.", envvar=YES_VARIABLE)
]


@app.command(
    epilog="Example: swarmnet lab setup --yes --engine 26.1,28.5",
    short_help="Install what labs need, build the hosts' file systems.",
)
def setup(
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="VERSION", help="Only these releases, with commas.")
    ] = None,
    yes: SetupYesOption = False,
    kernel: Annotated[
        str, typer.Option("--kernel", metavar="KIND", help="shared, own, or auto: own where this one lacks much.")
    ] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Install what labs need (without --yes, only list it) and build the root file systems of the hosts."""
    from swarmnet.lab.roots.setup import prepare

    engines = engine.split(",") if engine else []
    wish = _kernel_wish(kernel)
    versions = prepare(engines, may_install=yes, say=note, kernel=wish)
    show({"schema": 1, "engines": versions}, as_json=as_json, lines=[f"ready: engines {', '.join(versions.values())}"])


@dataclass(frozen=True, slots=True)
class Shape:
    """Which hosts a lab has."""

    hosts: Annotated[int, typer.Option("--hosts", metavar="N", help="How many hosts.")] = 3
    engine: EngineOption = DEFAULT_ENGINE
    kernel: KernelOption = "shared"
    managers: Annotated[
        int | None,
        typer.Option(
            "--managers", metavar="N", help="How many of them are managers; default: 3 where there are 3 hosts, else 1."
        ),
    ] = None
    extra: Annotated[
        list[str] | None, typer.Option("--extra", metavar="NAME", help="A host outside of the inventory.")
    ] = None


@app.command(
    epilog="Example: swarmnet lab up --hosts 3 --engine 26.1,26.1,28.5 --inventory lab.yml",
    short_help="Bring up real Docker hosts and write their inventory.",
)
@grouped
def up(
    shape: Shape,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the lab.")] = DEFAULT_NAME,
    subnet: Annotated[
        str | None, typer.Option("--subnet", metavar="CIDR", help="CIDR; default: the first free /24.")
    ] = None,
    inventory: Annotated[
        Path | None, typer.Option("--inventory", "-i", metavar="FILE", help="Write the inventory here.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring up real Docker hosts, reachable over SSH, and write an inventory for them."""
    from swarmnet.lab import Lab, LabSpec

    # A plain `kill` and a closed terminal clean up as Ctrl-C does.
    for polite in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(polite, signal.default_int_handler)
    spec = LabSpec(
        name=name,
        hosts=shape.hosts,
        engines=tuple(shape.engine.split(",")),
        kernels=tuple(map(_kernel_wish, shape.kernel.split(","))),
        managers=shape.managers,
        extras=tuple(shape.extra or ()),
        subnet=parsed_subnet(subnet, like="10.99.0.0/24"),
        inventory=inventory,
    )
    lab = Lab.up(spec, say=note)
    print_status([lab.status()], as_json=as_json)


@app.command(epilog="Example: swarmnet lab down --all")
def down(
    name: NameOption = None,
    every: Annotated[bool, typer.Option("--all", help="Every lab, also what a killed run left.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a lab and everything that it left on this machine."""
    from swarmnet.lab import Lab, down_all, down_by_name

    if every and name:
        raise UsageError("--all and --name cannot be combined", hint="give one of them")
    if every:
        gone, failures = down_all(say=note)
    else:
        one = Lab.open(chosen(name)).record.name
        note(f"lab {one}: taking it down")
        down_by_name(one)
        gone, failures = [one], []
    show({"schema": 1, "removed": gone}, as_json=as_json, lines=[f"removed: {', '.join(gone) or 'nothing'}"])
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise LabError("\n".join(wrong.message for wrong in failures), hint=failures[0].hint)


@app.command(epilog="Example: swarmnet lab status --json", short_help="Show every lab: what answers, what is broken.")
def status(name: NameOption = None, as_json: JsonOption = False) -> None:
    """Show every lab: hosts, what answers, what is broken on purpose, and what its kernel cannot prove."""
    from swarmnet.lab import Lab, LabStore

    names = [name] if name else LabStore.default().names()
    print_status([Lab.open(lab).status() for lab in names], as_json=as_json)


@app.command(
    "exec", epilog="Example: swarmnet lab exec m1 -- docker node ls", short_help="Run a command inside a host."
)
def exec_(
    host: HostArgument,
    argv: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="Command and arguments, after --.")],
    name: NameOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a command as root inside a host, not over its network; exits with the command's own code."""
    from swarmnet.lab import Lab

    lab = Lab.open(chosen(name))
    if not as_json:
        raise typer.Exit(lab.exec_attached(host, argv))
    done = lab.exec(host, argv, limit=3600)
    body = {"schema": 1, "host": host, "exit_code": done.exit_code, "stdout": done.stdout, "stderr": done.stderr}
    echo_json(body)
    raise typer.Exit(done.exit_code)


@app.command(epilog="Example: swarmnet lab image demo:1", short_help="Make a small image on every host, for services.")
def image(
    reference: Annotated[str, typer.Argument(metavar="IMAGE", help="Name and tag of the image.")],
    name: NameOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a small image (busybox, a web page on port 80) on every host, so that services need no registry."""
    from swarmnet.lab import Lab
    from swarmnet.lab.image import make_image

    lab = Lab.open(chosen(name))
    hosts = make_image(lab, reference)
    text = f"{reference} is on {', '.join(hosts) or 'no host: none runs'}"
    show({"schema": 1, "image": reference, "hosts": hosts}, as_json=as_json, lines=[text])


def _kernel_wish(word: str) -> KernelWish:
    match word:
        case "shared" | "own" | "auto":
            return word
        case _:
            raise UsageError(f"--kernel {word} is not a kind of host", hint="choose from shared, own, auto")


FAULTS = {
    "break": ("Break a host on purpose.", "Example: swarmnet lab break m1 block --to w1 --proto udp --port 4789"),
    "heal": ("Undo what was broken.", "Example: swarmnet lab heal m1 kill"),
}
"""The commands whose options come from the kinds of faults: what each does, and an example."""


def app_for(words: Sequence[str]) -> typer.Typer:
    """Return the commands. Where the words name another one, or ask for the list, those of faults have no options.

    Args:
        words: the command line. ``lab`` alone stands for all of its commands.
    """
    verbs = {one.name or getattr(one.callback, "__name__", "") for one in app.registered_commands} | {*FAULTS}
    verb = next((word for word in words if word in verbs), None)
    whole = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    whole.registered_commands += app.registered_commands
    loaded = verb in FAULTS or [*words] == ["lab"]
    for name, callback in (_fault_commands() if loaded else dict.fromkeys(FAULTS, _named_only)).items():
        summary, example = FAULTS[name]
        whole.command(name, short_help=summary, epilog=example)(callback)
    return whole


def _fault_commands() -> dict[str, Callable[..., None]]:
    from swarmnet.cli.commands.lab.faults import break_, heal

    return {"break": break_, "heal": heal}


def _named_only() -> None:
    """Represent a command of faults that is not loaded in the help."""
