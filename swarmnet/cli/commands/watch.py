"""``swarmnet watch``: verify again and again, and print what changes."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.commands.verify import Chosen, PlaybookArgument, Probe, order, proved
from swarmnet.cli.options import JsonOption, LimitedCluster, VariableOption, grouped
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.report.documents.watch import WatchDocument

EXAMPLE = "swarmnet watch -i lab.yml --every 60 --on-change ./alert"
SHORTEST, LONGEST = 5, 86_400


@dataclass(frozen=True, slots=True)
class Watching:
    """How often, how long, and what hears of changes."""

    every: Annotated[
        float,
        typer.Option("--every", metavar="SECONDS", min=SHORTEST, max=LONGEST, help="Seconds between two looks."),
    ] = 60.0
    var: VariableOption = None
    level: Annotated[
        str, typer.Option("--level", metavar="LEVEL", help="How much each look proves: quick, standard or full.")
    ] = "quick"
    network: Annotated[
        list[str] | None,
        typer.Option("--network", metavar="NAME", help="Look at this overlay; repeatable, or with commas."),
    ] = None
    rounds: Annotated[
        int | None, typer.Option("--rounds", metavar="N", min=1, help="End after so many looks.", show_default=False)
    ] = None
    stop_on_failure: Annotated[
        bool, typer.Option("--stop-on-failure", help="End with exit 1 at the first look that finds something broken.")
    ] = False
    on_change: Annotated[
        str | None,
        typer.Option(
            "--on-change",
            metavar="COMMAND",
            help="Run this program, without a shell, for each change: the change is a line of JSON on its stdin.",
            show_default=False,
        ),
    ] = None


@grouped
def command(
    cluster: LimitedCluster,
    watching: Watching,
    probe: Probe,
    as_json: JsonOption = False,
    playbook: PlaybookArgument = None,
) -> None:
    """Verify again and again, and print what changes.

    The first look is printed, then only changes: another status, findings that come or go, pairs that end differently.
    A cluster that cannot be asked is a change, too. Pauses last at least three times as long as the look before.

    Exit: of the last look, with --rounds or --stop-on-failure (0 all proved, 1 something failed, 3 something could not
    be tested, 75 nothing is reachable). Ctrl-C and SIGTERM end it with 0, once its probes are removed.
    """
    from swarmnet.cli.probes import probe_kit
    from swarmnet.cli.watching import Looked, Pace, Watch
    from swarmnet.edge.operator.clock import SystemClock
    from swarmnet.report.documents.verify import verify_document
    from swarmnet.report.terminal.verdicts import answer

    argv = hook(watching.on_change)
    hosts = cluster.read()
    chosen = Chosen(var=watching.var, network=watching.network, level=watching.level)
    asked = order(cluster, hosts, playbook, chosen, probe)
    kit = probe_kit(probe.probe_image, probe.probe_archive)

    def look() -> Looked:
        result = proved(cluster, hosts, asked, kit, quiet=True)
        return Looked(verify_document(result), answer(result))

    watch = Watch(hosts.cluster, look, teller(argv, as_json=as_json), SystemClock())
    try:
        code = watch.run(Pace(watching.every, watching.rounds, watching.stop_on_failure))
    except KeyboardInterrupt:  # it is how this command ends; what it had on hosts is gone by now
        code = ExitCode.DONE
    raise typer.Exit(code)


def hook(words: str | None) -> tuple[str, ...]:
    """Return the words of the program for changes; none without one.

    Raises:
        UsageError: the words cannot be read.
    """
    try:
        found = tuple(shlex.split(words or ""))
    except ValueError as error:
        raise UsageError(f"--on-change {words}: {error}", hint="close every quote") from None
    if words is not None and not found:
        raise UsageError("--on-change is empty", hint="name a program, or leave it out")
    return found


def teller(argv: tuple[str, ...], *, as_json: bool) -> Callable[[WatchDocument], None]:
    """Return what prints a change at once, and runs the program for changes."""
    import json

    from swarmnet.cli.streams import echo_json
    from swarmnet.cli.wiring import note
    from swarmnet.edge.operator.hook import run_hook
    from swarmnet.model.sensitive import SENSITIVE
    from swarmnet.report.terminal.console import console_for, show
    from swarmnet.report.terminal.watch import watch_lines

    def tell(found: WatchDocument) -> None:
        if as_json:
            echo_json(found.tree)
        else:
            show(console_for(sys.stdout), watch_lines(found))
        sys.stdout.flush()
        if argv:
            more = {"SWARMNET_STATUS": found.status or "unknown", "SWARMNET_CLUSTER": found.cluster}
            text = json.dumps(SENSITIVE.masked_json(found.tree)) + "\n"
            problem = run_hook(argv, text, more=more)
            if problem is not None:
                note(f"--on-change: {problem}")

    return tell
