"""``swarmnet plan``: what would change, and why."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import JsonOption, LimitedCluster, ShowValuesOption, grouped
from swarmnet.cli.planning import PlaybookArgument, PlaybookOptions  # noqa: TC001 - typer reads them at run time
from swarmnet.cli.streams import echo_json
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.lock import Holder
    from swarmnet.report.saved import SavedPlan
    from swarmnet.report.terminal.plan import View
    from swarmnet.workflows.apply import Prepared

EXAMPLE = "swarmnet plan playbooks/site.yml -i lab.yml --check"

SALT_BYTES = 16
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Save the plan; `apply --plan FILE` does just it.")
]


@grouped
def command(
    playbook: PlaybookArgument,
    cluster: LimitedCluster,
    options: PlaybookOptions,
    show_values: ShowValuesOption = False,
    check: Annotated[bool, typer.Option("--check", help="Exit 6 if anything would change.")] = False,
    output: OutputOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what `apply` would change, and why; nothing is written to any host, and no program of the playbook runs.

    With --allow-commands those run that planning asks: without them, contents from commands cannot be planned, and
    commands with `unless` are shown as if they were due.
    """
    from swarmnet.model.redaction import Cover  # noqa: PLC0415 - commands load what they need
    from swarmnet.report.saved import SavedPlan  # noqa: PLC0415 - as above
    from swarmnet.report.terminal.plan import View  # noqa: PLC0415 - as above
    from swarmnet.workflows.apply import prepare  # noqa: PLC0415 - as above
    from swarmnet.workflows.lock.lock import holders  # noqa: PLC0415 - as above

    hosts = cluster.read()
    goal = options.goal(playbook, hosts, cluster.limit, agree=None if output is None else _refuse_unknowns)
    view = View(Cover(shows=show_values), whole=cluster.verbose)
    with cluster.connected(hosts) as ports:
        prepared = prepare(ports, goal)
        found = holders(ports, prepared.state)
    if output is None and not as_json:
        _print(prepared, found, view)
    else:
        saved = SavedPlan.of(prepared.plan, prepared.state, view.cover, os.urandom(SALT_BYTES), goal.programs)
        _save(output, saved)
        _print_json(prepared, saved, found) if as_json else _print(prepared, found, view)
    if prepared.state.failures:
        raise typer.Exit(ExitCode.INCOMPLETE)
    if check and any(not action.always for action in prepared.plan.actions):
        raise typer.Exit(ExitCode.PENDING)


def _refuse_unknowns(programs: Sequence[str]) -> bool:
    """Refuse to save a plan that rests on programs which did not run: `apply --plan` runs no others."""
    raise UsageError(
        "a plan can only be saved with the answers of the programs that the playbook names:",
        details=(f"- {one}" for one in programs),
        hint="review them, then add --allow-commands",
    )


def _print_json(prepared: Prepared, saved: SavedPlan, found: Sequence[Holder]) -> None:
    from swarmnet.report.terminal.lock import locks_json  # noqa: PLC0415 - as above

    refused = [str(refusal) for refusal in prepared.refusals]
    echo_json({**saved.tree, "refused": refused, "locks": locks_json(found, wiring.this_operator())})


def _print(prepared: Prepared, found: Sequence[Holder], view: View) -> None:
    from swarmnet.report.terminal.lock import lock_lines  # noqa: PLC0415 - as above
    from swarmnet.report.terminal.plan import plan_text  # noqa: PLC0415 - as above
    from swarmnet.report.terminal.text import Paint  # noqa: PLC0415 - as above

    for line in lock_lines(found, wiring.this_operator()):
        wiring.say(line)
    typer.echo(plan_text(prepared.plan, prepared.state, Paint.for_stream(sys.stdout), view))
    for refusal in prepared.refusals:
        wiring.say(f"apply would refuse: {refusal}")


def _save(path: Path | None, saved: SavedPlan) -> None:
    from swarmnet.files import write_atomically  # noqa: PLC0415 - as above

    if path is None:
        return
    try:
        write_atomically(path, saved.text.encode())
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
