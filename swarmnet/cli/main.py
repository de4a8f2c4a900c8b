"""The entry point: knows every command by name, loads only the requested one, and prints every error."""

from __future__ import annotations

import importlib
import os
import resource
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from swarmnet.cli import streams
from swarmnet.cli.output import wants_json
from swarmnet.errors import ExitCode, RefusedError, SwarmnetError, UsageError
from swarmnet.report.terminal.text import on_one_line, shortened, trace_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Describe and change": {
        "plan": ("swarmnet.cli.commands.plan", "Show what apply would change, and why."),
        "apply": ("swarmnet.cli.commands.apply", "Apply a playbook to the cluster, and prove the result."),
        "rollback": ("swarmnet.cli.commands.rollback", "Return a service to its state before its last update."),
        "node": ("swarmnet.cli.commands.node", "Drain, activate, promote, demote, remove or replace one host."),
        "engine": ("swarmnet.cli.commands.engine", "Install engines, or replace them by newer ones, host by host."),
        "adopt": ("swarmnet.cli.commands.adopt", "Write the playbook of a running swarm, or of a backup."),
        "convert": ("swarmnet.cli.commands.convert", "Print a stack file of Docker as a playbook."),
        "rotate": ("swarmnet.cli.commands.rotate", "Replace join tokens, the CA or the unlock key, with proof."),
        "lock": ("swarmnet.cli.commands.lock", "Show or break the lock of a run that changes the cluster."),
        "unlock": ("swarmnet.cli.commands.unlock", "Unlock the managers of an autolocked swarm after a restart."),
        "reset": ("swarmnet.cli.commands.reset", "Leave the swarm and remove what swarmnet created."),
    },
    "Look and prove": {
        "check": ("swarmnet.cli.commands.check", "Check hosts before they are touched: every pair, both ways."),
        "status": ("swarmnet.cli.commands.status", "Show health, nodes, networks and services of the cluster."),
        "logs": ("swarmnet.cli.commands.logs", "Print the logs of services over all tasks and hosts, in one order."),
        "show": ("swarmnet.cli.commands.show", "Show what is where: networks, services, hosts, stacks, names, ports."),
        "verify": ("swarmnet.cli.commands.verify", "Prove that the networks work; name the cause where they do not."),
        "trace": ("swarmnet.cli.commands.trace", "Find the first broken layer between two services."),
        "ipam": ("swarmnet.cli.commands.ipam", "Show which addresses of networks are used, free, and by whom."),
        "watch": ("swarmnet.cli.commands.watch", "Verify again and again, and print what changes."),
        "history": ("swarmnet.cli.commands.history", "List kept results of verify, and what changed between two."),
        "bundle": ("swarmnet.cli.commands.bundle", "Collect evidence of all hosts in one file, without secrets."),
        "trust": ("swarmnet.cli.commands.trust", "Show the SSH keys of all hosts, and accept new ones."),
    },
    "Recover": {
        "backup": ("swarmnet.cli.commands.backup", "Take, list, check, compare and prune backups."),
        "schedule": ("swarmnet.cli.commands.schedule", "Take backups by a timer, and get an alarm when they fail."),
        "recover": ("swarmnet.cli.commands.recover", "Restart the swarm from one remaining manager."),
        "restore": ("swarmnet.cli.commands.restore", "Restore a backup onto these hosts, or onto others."),
        "drill": ("swarmnet.cli.commands.drill", "Rehearse a restore in a throw-away lab; a signed report with times."),
        "keys": ("swarmnet.cli.commands.keys", "Manage who can open backups and whose signature counts."),
    },
    "Try": {
        "lab": ("swarmnet.cli.commands.lab.lab", "Run several real Docker hosts on this machine."),
        "schema": ("swarmnet.cli.commands.schema", "Print JSON Schemas of files and results."),
    },
}
"""Every command by the heading that the help lists it under, with its line there, and the module that has it: as
``app`` (several verbs; ``app_for`` where some are slow to load) or ``command`` (one; ``SETTINGS`` and ``CLASS`` where
its words are read in another way), and with an ``EXAMPLE``."""
COMMANDS = {name: entry for group in GROUPS.values() for name, entry in group.items()}


def build(argv: Sequence[str]) -> typer.Typer:
    """Return the application. Only the command that ``argv`` names is loaded; of the others, it knows the names."""
    root = typer.Typer(
        name="swarmnet",
        cls=_Commands,
        help="Bootstrap, prove and recover Docker Swarm networks over SSH.",
        epilog="Example: swarmnet apply playbooks/site.yml -i lab.yml",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    root.callback()(_root)
    name = next((word for word in argv if word in COMMANDS), None)
    if name is not None:
        module, summary = COMMANDS[name]
        loaded = importlib.import_module(module)
        example = f"Example: {loaded.EXAMPLE}"
        if hasattr(loaded, "app"):
            app = loaded.app_for(argv) if hasattr(loaded, "app_for") else loaded.app
            root.add_typer(app, name=name, help=summary, epilog=example)
        else:
            kind, settings = getattr(loaded, "CLASS", None), getattr(loaded, "SETTINGS", None)
            root.command(name, cls=kind, epilog=example, context_settings=settings)(loaded.command)
    return root


def main() -> None:
    """Run the command line and exit with its exit code."""
    streams.complete()
    sys.excepthook = _unexpected
    _leave_no_core()
    words = os.environ.get("COMP_WORDS", "").split()[1:] if "_SWARMNET_COMPLETE" in os.environ else sys.argv[1:]
    own = words[: words.index("--")] if "--" in words else words  # what follows belongs to another program
    try:
        code = _run(words, own)
        sys.stdout.flush()  # here, where a failure can still be reported
        sys.exit(code)
    except BrokenPipeError:  # as with `| head`: the reader of stdout has seen enough
        streams.close_stdout()
        sys.exit(ExitCode.FAILED)
    except OSError as error:  # what no layer expected of this machine, such as a full disk under stdout
        streams.close_stdout()
        sys.exit(_reported(_of_this_machine(error), error, own))
    except KeyboardInterrupt:
        sys.exit(_interrupted())


def _leave_no_core() -> None:
    """Keep what this process knows (identities, opened backups) out of core dumps; children may raise the limit."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _run(words: Sequence[str], own: Sequence[str]) -> int:
    try:
        return _ended(build(words))
    except SwarmnetError as error:
        return _reported(error, error, own)


class _Commands(TyperGroup):
    """The commands. Prints a line when Ctrl-C ends one, which Typer turns into a silent exit."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - as the base class has it, in private types
        """Know those that are not loaded by name: Typer takes longer for each than for all of this together."""
        super().__init__(**settings)
        named = {name: TyperCommand(name, help=summary) for name, (_, summary) in COMMANDS.items()}
        self.commands = named | dict(self.commands)

    def format_commands(self, _ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's own classes are private
        """List the commands under their headings."""
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, summary) for name, (_, summary) in group.items()])

    def make_context(self, *words: Any, **more: Any) -> Any:  # noqa: ANN401 - as the base class has it, in private types
        """Read the command line."""
        with _audible():
            return super().make_context(*words, **more)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Run the command that was typed."""
        with _audible():
            return super().invoke(ctx)


@contextmanager
def _audible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(_interrupted()) from None


def _interrupted() -> int:
    sys.stderr.write("interrupted\n")
    return ExitCode.INTERRUPTED


def _reported(error: SwarmnetError, cause: BaseException, words: Sequence[str]) -> int:
    """Print an error, with its trace for ``-v``, and return the exit code."""
    if wants_json(words):
        _print_json(error)
    _print_error(error)
    if {"-v", "-vv", "--verbose"} & {*words}:
        sys.stderr.write("\n".join(trace_lines(cause)) + "\n")
    return error.exit_code


def _of_this_machine(error: OSError) -> SwarmnetError:
    """Return an error of the operating system in one sentence."""
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    return SwarmnetError(
        f"{where}{error.strerror or error}",
        hint="this error comes from your machine, not from a host; run with -v for details",
    )


def _ended(root: typer.Typer) -> int:
    """Return the exit code of the command that was typed.

    Raises:
        UsageError: the words fit no command. The parser would print this itself, never as JSON.
        RefusedError: stdin ended before an answer.
    """
    try:
        # Commands end by `typer.Exit`, whose code is returned here; a command that just returns is done.
        return root(standalone_mode=False) or 0
    except typer.TyperException as error:
        # Typer exports the base class alone; its errors of usage know where in the command line they are.
        context: typer.Context | None = getattr(error, "ctx", None)
        if context is None:
            raise UsageError(
                _sentence(error), hint="run the same command with --help to see what the option takes"
            ) from None
        if error.format_message() == context.get_help():  # a command with verbs, typed without one
            typer.echo(error.format_message(), err=True)
            return error.exit_code
        usage = " ".join(context.get_usage().split()).removeprefix("Usage: ")
        raise UsageError(_sentence(error), hint=f"{usage}; see {context.command_path} --help") from None
    except typer.Abort:
        raise RefusedError("no answer: stdin ended", hint="run it in a terminal, or pass --yes") from None


def _sentence(error: typer.TyperException) -> str:
    return " ".join(error.format_message().split()).removesuffix(".")


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version as installed

        typer.echo(f"swarmnet {installed('swarmnet')}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", is_eager=True, callback=_print_version
    ),
) -> None:
    """Define the options that come before any command; each acts while it is parsed."""


def _print_json(error: SwarmnetError) -> None:
    from swarmnet.report.documents.error import error_document

    streams.echo_json(error_document(error).tree)


def _print_error(error: SwarmnetError) -> None:
    for line in error.lines:
        typer.echo(f"error: {shortened(on_one_line(line))}", err=True)
    if error.hint:
        typer.echo(f"hint: {shortened(on_one_line(error.hint))}", err=True)


def _unexpected(_kind: type[BaseException], error: BaseException, _trace_of: TracebackType | None) -> None:
    """Print an error that no layer expected: a bug, with the trace that a bug report needs."""
    sys.stderr.write("\n".join(("Traceback of an unexpected error, please report it:", *trace_lines(error))) + "\n")
