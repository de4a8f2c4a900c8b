"""``swarmnet lab``: several real Docker hosts on this machine."""

from __future__ import annotations

import json
import signal
from enum import StrEnum
from ipaddress import IPv4Network
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import JsonOption, YesOption  # noqa: TC001 - typer reads the annotations at run time
from swarmnet.errors import LabError, UsageError
from swarmnet.lab import Fault, Lab, LabSpec, LabStore, down_all, down_by_name
from swarmnet.lab.engines import DEFAULT_ENGINE, ENGINES
from swarmnet.lab.image import make_image
from swarmnet.lab.setup import prepare
from swarmnet.lab.spec import DEFAULT_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.lab import LabStatus
    from swarmnet.lab.capabilities import Capability
    from swarmnet.lab.spec import KernelWish

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


class FaultName(StrEnum):
    """What can be broken."""

    KILL = "kill"
    ENGINE = "engine"
    LINK = "link"
    BLOCK = "block"
    DISK = "disk"


class ProtocolName(StrEnum):
    """What can be blocked."""

    TCP = "tcp"
    UDP = "udp"
    ESP = "esp"
    ICMP = "icmp"
    ALL = "all"


NameOption = Annotated[
    str | None, typer.Option("--name", help="Which lab; may be left out where there is only one.", show_default=False)
]
EngineOption = Annotated[
    str, typer.Option("--engine", help=f"Engine of the hosts: {', '.join(ENGINES)}; or one per host, with commas.")
]
_KERNEL_TOLD = (
    "shared: hosts are namespaces, up in seconds. own: each boots a kernel of its own, with routing mesh and "
    "encryption. auto: shared where this machine's kernel has both. Or one per host, with commas."
)
KernelOption = Annotated[str, typer.Option("--kernel", help=_KERNEL_TOLD)]
_FAULTS_TOLD = (
    "kill: power off. engine: stop dockerd. link: pull the cable. "
    "block: drop what HOST sends to another host (--to, --proto, --port). disk: fill the engine's disk."
)
HostArgument = Annotated[str, typer.Argument(help="A host of the lab, such as m1.")]
FaultArgument = Annotated[FaultName, typer.Argument(help=_FAULTS_TOLD)]
ToOption = Annotated[str | None, typer.Option("--to", help="block: the host that no longer hears HOST.")]
ProtoOption = Annotated[ProtocolName, typer.Option("--proto", help="block: what is dropped.")]
PortOption = Annotated[int | None, typer.Option("--port", help="block: destination port of tcp or udp.")]


@app.command(epilog="Example: swarmnet lab setup --yes --engine 26.1,28.5")
def setup(
    engine: Annotated[str | None, typer.Option("--engine", help="Only these releases, with commas.")] = None,
    yes: YesOption = False,
    kernel: Annotated[
        str, typer.Option("--kernel", help="shared, own, or auto: own where this one lacks much.")
    ] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Install what labs need (with --yes; else it is named) and build the root file systems of the hosts."""
    engines = engine.split(",") if engine else []
    wish = _kernel_wish(kernel)
    versions = prepare(engines, may_install=yes, say=_say, kernel=wish)
    _show({"schema": 1, "engines": versions}, as_json=as_json, text=f"ready: engines {', '.join(versions.values())}")


@app.command(epilog="Example: swarmnet lab up --hosts 3 --engine 26.1,26.1,28.5 --inventory inventories/lab.yml")
def up(
    hosts: Annotated[int, typer.Option("--hosts", help="How many hosts.")] = 3,
    engine: EngineOption = DEFAULT_ENGINE,
    name: Annotated[str, typer.Option("--name", help="Name of the lab.")] = DEFAULT_NAME,
    kernel: KernelOption = "shared",
    managers: Annotated[int | None, typer.Option("--managers", help="How many are managers; default 3, or 1.")] = None,
    extra: Annotated[list[str] | None, typer.Option("--extra", help="A host outside of the inventory.")] = None,
    subnet: Annotated[str | None, typer.Option("--subnet", help="CIDR; default: the first free /24.")] = None,
    inventory: Annotated[Path | None, typer.Option("--inventory", "-i", help="Write the inventory here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring up real Docker hosts, reachable over SSH, and write an inventory for them."""
    # A polite `kill` and a closed terminal shall clean up as Ctrl-C does.
    for polite in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(polite, signal.default_int_handler)
    spec = LabSpec(
        name=name,
        hosts=hosts,
        engines=tuple(engine.split(",")),
        kernels=tuple(map(_kernel_wish, kernel.split(","))),
        managers=managers,
        extras=tuple(extra or ()),
        subnet=_network(subnet),
        inventory=inventory,
    )
    lab = Lab.up(spec, say=_say)
    _print_status([lab.status()], as_json=as_json)


@app.command(epilog="Example: swarmnet lab down --all")
def down(
    name: NameOption = None,
    every: Annotated[bool, typer.Option("--all", help="Every lab, also what a killed run left.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take a lab away, with everything that it left on this machine."""
    if every and name:
        raise UsageError("--all and --name exclude each other")
    if every:
        gone, failures = down_all(say=_say)
    else:
        chosen = _chosen(name)
        _say(f"lab {chosen}: taking it down")
        down_by_name(chosen)
        gone, failures = [chosen], []
    _show({"schema": 1, "removed": gone}, as_json=as_json, text=f"removed: {', '.join(gone) or 'nothing'}")
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise LabError("\n".join(wrong.message for wrong in failures), hint=failures[0].hint)


@app.command(epilog="Example: swarmnet lab status --json")
def status(name: NameOption = None, as_json: JsonOption = False) -> None:
    """Show every lab: hosts, what answers, what is broken on purpose, what its kernel cannot prove."""
    names = [name] if name else LabStore.default().names()
    _print_status([Lab.open(lab).status() for lab in names], as_json=as_json)


@app.command("exec", epilog="Example: swarmnet lab exec m1 -- docker node ls")
def exec_(
    host: HostArgument,
    argv: Annotated[list[str], typer.Argument(help="Command and arguments, after --.")],
    name: NameOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a command as root inside a host, beside its network; exits with the command's own code."""
    lab = Lab.open(_chosen(name))
    if not as_json:
        raise typer.Exit(lab.exec_attached(host, argv))
    done = lab.exec(host, argv, limit=3600)
    body = {"schema": 1, "host": host, "exit_code": done.exit_code, "stdout": done.stdout, "stderr": done.stderr}
    typer.echo(json.dumps(body))
    raise typer.Exit(done.exit_code)


@app.command(epilog="Example: swarmnet lab image demo:1")
def image(
    reference: Annotated[str, typer.Argument(help="Name and tag of the image.")],
    name: NameOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a small image (busybox, a web page on port 80) on every host, so that services need no registry."""
    lab = Lab.open(_chosen(name))
    make_image(lab, reference)
    hosts = [host.name for host in lab.hosts]
    _show({"schema": 1, "image": reference, "hosts": hosts}, as_json=as_json, text=f"{reference} is on every host")


@app.command("break", epilog="Example: swarmnet lab break m1 block --to w1 --proto udp --port 4789")
def break_(
    host: HostArgument,
    fault: FaultArgument,
    to: ToOption = None,
    proto: ProtoOption = ProtocolName.ALL,
    port: PortOption = None,
    name: NameOption = None,
    as_json: JsonOption = False,
) -> None:
    """Break a host: power it off, stop its engine, cut its link, block a protocol one way, or fill its disk."""
    lab = Lab.open(_chosen(name))
    lab.break_(_fault(host, fault, to=to, proto=proto, port=port))
    _print_status([lab.status()], as_json=as_json)


@app.command(epilog="Example: swarmnet lab heal m1 kill")
def heal(
    host: Annotated[str | None, typer.Argument(help="A host of the lab; left out: everything is healed.")] = None,
    fault: Annotated[FaultName | None, typer.Argument(help="What was broken; left out: all of the host.")] = None,
    to: ToOption = None,
    proto: ProtoOption = ProtocolName.ALL,
    port: PortOption = None,
    name: NameOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back what was broken and wait until the hosts answer again."""
    lab = Lab.open(_chosen(name))
    if fault is None:
        lab.heal_all(host)
    else:
        lab.heal(_fault(host or "", fault, to=to, proto=proto, port=port))
    _print_status([lab.status()], as_json=as_json)


def _fault(host: str, name: FaultName, *, to: str | None, proto: ProtocolName, port: int | None) -> Fault:
    protocol = proto.value if name is FaultName.BLOCK or proto is not ProtocolName.ALL else None
    return Fault(host=host, kind=name.value, to=to, protocol=protocol, port=port)


def _kernel_wish(word: str) -> KernelWish:
    match word:
        case "shared" | "own" | "auto":
            return word
        case _:
            raise UsageError(f"--kernel {word}: there is no such kind of host", hint="choose from shared, own, auto")


def _chosen(name: str | None) -> str:
    """Return the lab that is meant: the named one, or the only one."""
    if name is not None:
        return name
    names = LabStore.default().names()
    if len(names) == 1:
        return names[0]
    if not names:
        raise LabError("there is no lab on this machine", hint="run `swarmnet lab up`")
    raise UsageError(f"there are {len(names)} labs: {', '.join(names)}", hint="choose one with --name")


def _network(text: str | None) -> IPv4Network | None:
    if text is None:
        return None
    try:
        return IPv4Network(text)
    except ValueError as wrong:
        raise UsageError(f"--subnet {text}: {wrong}", hint="write it like 10.99.0.0/24") from wrong


def _print_status(labs: list[LabStatus], *, as_json: bool) -> None:
    body = {"schema": 1, "labs": [lab.model_dump(mode="json") for lab in labs]}
    _show(body, as_json=as_json, text="\n\n".join(map(_told, labs)) or "no labs on this machine")


def _told(lab: LabStatus) -> str:
    lines = [f"lab {lab.name} ({lab.phase}) in {lab.subnet}, inventory {lab.inventory}"]
    rows = [("HOST", "ADDRESS", "ROLE", "ENGINE", "KERNEL", "SSH", "DOCKER")]
    for host in lab.hosts:
        answers = ("yes" if host.ssh else "no", "yes" if host.engine_answers else "no")
        state = answers if host.powered else ("off", "off")
        rows.append((host.name, host.address, host.role, host.engine, host.kernel, *state))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()]
    lines += [f"broken: {fault}" for fault in lab.broken]
    kinds = {host.kernel for host in lab.hosts}
    mixed = len(kinds) > 1
    if "shared" in kinds:
        lines += _lacking(lab.kernel, who="shared kernel " if mixed else "")
    if "own" in kinds:
        lines += [f"own kernels prove: {c.serves} ({c.name})" for c in lab.own_kernel if c.works and c.need == "proof"]
        lines += _lacking(lab.own_kernel, who="own kernels ")
    return "\n".join(lines)


def _lacking(kernel: Iterable[Capability], *, who: str) -> list[str]:
    return [f"{who}cannot prove: {c.serves} ({c.name}: {c.reason})" for c in kernel if not c.works]


def _show(body: dict[str, object], *, as_json: bool, text: str) -> None:
    typer.echo(json.dumps(body) if as_json else text)


def _say(message: str) -> None:
    typer.echo(message, err=True)
