"""``swarmnet plan``: what would change, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import LimitedCluster, ShowValuesOption, grouped
from swarmnet.cli.output import Output, Targets
from swarmnet.cli.planning import PlaybookArgument, PlaybookOptions
from swarmnet.errors import ExitCode, UnwrittenError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from swarmnet.model.lock import Holder
    from swarmnet.report.documents.plan import SavedPlanDocument
    from swarmnet.report.formats import Report
    from swarmnet.report.saved import SavedPlan
    from swarmnet.report.terminal.plan import View
    from swarmnet.workflows.apply import Prepared

EXAMPLE = "swarmnet plan playbooks/site.yml -i lab.yml --check"

SALT_BYTES = 16
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Save the plan; `apply --plan FILE` does exactly that."),
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a plan is for: to be read, to be checked, or to be applied later."""

    check: Annotated[bool, typer.Option("--check", help="Exit 6 if anything would change.")] = False
    output: OutputOption = None


@grouped
def command(
    playbook: PlaybookArgument,
    cluster: LimitedCluster,
    options: PlaybookOptions,
    result: Output,
    outcome: Outcome,
    show_values: ShowValuesOption = False,
) -> None:
    """Show what `apply` would change, and why. Nothing is written to any host, and no program of the playbook runs.

    With --allow-commands, the programs that planning needs run. Without it, contents from commands cannot be planned,
    and commands with `unless` are shown as if they were due. Values that the playbook spells out, such as a password
    in the argv of a command, are shown: take secrets from ${env:NAME}, which is masked.
    """
    targets, hosts = result.targets(), cluster.read()
    with cluster.observed(hosts) as ports:  # what follows loads while the logins go on
        from swarmnet.model.redaction import Cover
        from swarmnet.report.saved import SavedPlan, saved_document
        from swarmnet.report.terminal.lock import lock_lines
        from swarmnet.report.terminal.plan import View
        from swarmnet.workflows.apply import prepare
        from swarmnet.workflows.lock.holders import holders

        goal = options.goal(playbook, hosts, cluster.limit, agree=None if outcome.output is None else _refuse_unknowns)
        cover = Cover(shows=show_values)
        prepared = prepare(ports, goal)
        found = holders(ports, prepared.state)
    salt = os.urandom(SALT_BYTES)
    saved = cache(lambda: saved_document(prepared.plan, prepared.state, cover, salt, goal.programs))
    if outcome.output is not None:
        _save(outcome.output, SavedPlan.hold(saved()))
    if not targets.on_stderr:
        for text in lock_lines(found, wiring.this_operator()):
            wiring.note(text)
    targets.emit(_report(prepared, saved, found, View(cover, whole=cluster.verbose)))
    if not targets.on_stderr:
        for refusal in prepared.refusals:
            wiring.note(f"apply would refuse: {refusal}")
    if prepared.state.failures:
        raise typer.Exit(ExitCode.INCOMPLETE)
    if outcome.check and any(not action.always for action in prepared.plan.actions):
        raise typer.Exit(ExitCode.PENDING)


def _refuse_unknowns(programs: Sequence[str]) -> bool:
    """Refuse to save a plan that depends on programs that did not run: `apply --plan` runs no others."""
    raise UsageError(
        "a plan can be saved only after the programs that planning needs have run:",
        details=(f"- {one}" for one in programs),
        hint="review them, then add --allow-commands",
    )


def emit_plan(prepared: Prepared, targets: Targets, *, show_values: bool, whole: bool) -> None:
    """Write a plan that is only shown, with what a run would refuse."""
    from swarmnet.model.redaction import Cover
    from swarmnet.report.saved import saved_document
    from swarmnet.report.terminal.plan import View

    cover = Cover(shows=show_values)
    saved = partial(saved_document, prepared.plan, prepared.state, cover, os.urandom(SALT_BYTES), ())
    targets.emit(_report(prepared, saved, (), View(cover, whole=whole)))
    if not targets.on_stderr:
        for refusal in prepared.refusals:
            wiring.note(f"a run would refuse: {refusal}")


def _report(prepared: Prepared, saved: Callable[[], SavedPlanDocument], found: Sequence[Holder], view: View) -> Report:
    from swarmnet.report.documents.lock import lock_entries
    from swarmnet.report.documents.plan import PlanDocument
    from swarmnet.report.reports.plan import plan_report
    from swarmnet.report.terminal.plan import plan_lines

    refused = [str(refusal) for refusal in prepared.refusals]

    def document() -> PlanDocument:
        return PlanDocument(**dict(saved()), refused=refused, locks=lock_entries(found, wiring.this_operator()))

    lines = plan_lines(prepared.plan, prepared.state, view)
    return plan_report(prepared.plan, document, lines, failures=prepared.state.failures, refused=refused)


def _save(path: Path, saved: SavedPlan) -> None:
    from swarmnet.files import write_atomically

    try:
        write_atomically(path, saved.text.encode())
    except OSError as error:
        raise UnwrittenError(path, error) from None
