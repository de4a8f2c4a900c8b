"""``swarmnet apply``: show the plan, ask, do it, and prove that a second plan is empty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import Agreement, LimitedCluster, grouped
from swarmnet.cli.output import Output, Targets
from swarmnet.cli.planning import PlaybookArgument, PlaybookOptions
from swarmnet.cli.safety import Safety
from swarmnet.errors import RefusedError, UsageError
from swarmnet.model.printable import on_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.report import ApplyReport
    from swarmnet.report.saved import SavedPlan
    from swarmnet.workflows.apply import Prepared

EXAMPLE = "swarmnet apply playbooks/site.yml -i lab.yml"

MAKE_ONE = "swarmnet plan PLAYBOOK -i INVENTORY -o FILE"
LONGEST_PLAN = 64 * 1024 * 1024
"""Bytes: a saved plan holds each value whole."""
PlanOption = Annotated[
    Path | None,
    typer.Option("--plan", metavar="FILE", help="Do exactly what `plan -o FILE` saved; refuse anything else."),
]


@dataclass(frozen=True, slots=True)
class Desired:
    """What is applied: a playbook, and the saved plan of it if there is one."""

    playbook: PlaybookArgument
    plan: PlanOption = None


@grouped
def command(
    desired: Desired,
    cluster: LimitedCluster,
    options: PlaybookOptions,
    agreement: Agreement,
    output: Output,
    safety: Safety,
) -> None:
    """Apply a playbook: show the plan, ask, do it, and prove that a second plan is empty.

    Programs that planning needs are shown before they run, and you are asked. SWARMNET_YES=1 agrees to plans that
    cost nothing. Values that the playbook spells out, such as a password in the argv of a command, are shown in the
    plan: take secrets from ${env:NAME}, which is masked.

    Where you have keys (`swarmnet keys init`), a backup is taken before the first change: `swarmnet restore` brings
    that state back.
    """
    targets = output.targets()
    saved = None if desired.plan is None else saved_plan(desired.plan)
    hosts = cluster.read()
    agree = partial(agree_to_run, hosts.cluster, saved, yes=agreement.yes)
    if saved is not None:  # which says what may run, whatever else is allowed
        options = replace(options, allow_commands=False)
    with cluster.observed(hosts) as ports:  # what follows loads while the logins go on
        import swarmnet.report.reports.apply  # noqa: F401 - for the end
        from swarmnet.model.backup import Reason
        from swarmnet.workflows.apply import apply

        goal = options.goal(desired.playbook, hosts, cluster.limit, agree=agree)
        terms = replace(agreement, yes=agreement.yes or saved is not None).terms(
            on_stderr=targets.on_stderr, verbose=cluster.verbose, unattended=True
        )
        terms = replace(terms, safeguard=safety.before(Reason.PRE_APPLY))
        if saved is not None:
            terms = replace(terms, expects=partial(expect, saved))
        report = apply(ports, goal, terms)
    end_with(report, targets)


def saved_plan(path: Path) -> SavedPlan:
    """Return a plan that ``plan -o`` saved.

    Raises:
        UsageError: the file does not exist, or it holds no plan.
    """
    from swarmnet.edge.operator.files import read_document
    from swarmnet.report.saved import SavedPlan

    try:
        return SavedPlan.read(read_document(path, limit=LONGEST_PLAN))
    except (ValueError, RecursionError):
        raise UsageError(f"{path} does not hold a saved plan", hint=MAKE_ONE) from None


def expect(saved: SavedPlan, prepared: Prepared) -> None:
    """Return when a plan is the saved one.

    Raises:
        RefusedError: the plans differ; the message says how.
    """
    if differences := saved.differences(prepared.plan, prepared.state):
        raise RefusedError(
            "the plan differs from the saved one; nothing was changed:",
            details=(f"- {one}" for one in differences),
            hint=f"review it again: {MAKE_ONE}",
        )


def agree_to_run(cluster: str, saved: SavedPlan | None, programs: Sequence[str], *, yes: bool) -> bool:
    """Show what planning runs and return when the operator agrees; a saved plan agrees to what it ran itself.

    Raises:
        RefusedError: the operator does not agree, there is no terminal, or the saved plan did not run one of them.
    """
    if saved is not None:
        if more := saved.unknown(programs):
            raise RefusedError(
                "the playbook runs programs that the saved plan did not run; nothing was run:",
                details=(f"- {one}" for one in more),
                hint=f"review it again: {MAKE_ONE} --allow-commands",
            )
        return True
    for one in programs:
        typer.echo(on_one_line(f"planning runs a program {one}"), err=True)  # whole, however long
    if not yes:
        wiring.confirm_cluster(cluster, "run what the playbook names for planning", flag="--allow-commands")
    return True


def end_with(report: ApplyReport, targets: Targets, command: str = "apply") -> None:
    """Write how a run ended and exit with its code."""
    from swarmnet.report.reports.apply import apply_report

    targets.emit(apply_report(report, command))
    raise typer.Exit(report.exit_code)
