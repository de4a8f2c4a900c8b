"""``swarmnet apply``: show the plan, ask, do it, and prove that a second plan is empty."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import planning, wiring
from swarmnet.cli.options import (  # noqa: TC001 - typer reads the annotations at run time
    InventoryOption,
    JsonOption,
    LimitOption,
    VerboseOption,
    YesOption,
)
from swarmnet.cli.planning import (  # noqa: TC001 - as above
    MissingOption,
    PlaybookArgument,
    PruneOption,
    ReplaceOption,
    VarOption,
)
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from swarmnet.model.report import ApplyReport

WaitOption = Annotated[
    float, typer.Option("--lock-wait", metavar="SECONDS", min=0, help="How long to wait for another operator's lock.")
]
PlanOption = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", help="Do only what `plan -o FILE` saved; refuse anything else.")
]


def command(
    playbook: PlaybookArgument,
    inventory: InventoryOption,
    plan: PlanOption = None,
    prune: PruneOption = False,
    replace: ReplaceOption = None,
    allow_missing: MissingOption = False,
    limit: LimitOption = None,
    var: VarOption = None,
    lock_wait: WaitOption = 0.0,
    yes: YesOption = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Make the cluster as the playbook says: show the plan, ask, do it, and prove that a second plan is empty."""
    from swarmnet.cli.consent import AtTerminal  # noqa: PLC0415 - commands load what they need
    from swarmnet.workflows.apply import Terms, apply  # noqa: PLC0415 - as above

    expected = None if plan is None else saved_digest(plan)
    hosts = wiring.read_inventory(inventory)
    allowed = planning.permissions(prune=prune, replace=replace, allow_missing=allow_missing)
    goal = planning.goal_of(playbook, hosts, limit=limit, variables=var, allowed=allowed)
    consent = AtTerminal(yes=yes or plan is not None, on_stderr=as_json, expected=expected)
    with wiring.connected(hosts, verbose=verbose) as ports:
        stop = wiring.Interruption()
        terms = Terms(consent=consent, operator=wiring.this_operator(), stop=stop, lock_wait=lock_wait)
        report = apply(ports, goal, terms)
    show_report(report, as_json=as_json)


def saved_digest(path: Path) -> str:
    """Return the digest of a plan that ``plan -o`` saved.

    Raises:
        UsageError: it is no such file.
    """
    from swarmnet.edge.files import read_document  # noqa: PLC0415 - as above

    try:
        saved = json.loads(read_document(path))
        digest = saved["digest"] if saved["schema"] == 1 else None
    except (ValueError, KeyError, TypeError):
        digest = None
    if not isinstance(digest, str):
        raise UsageError(f"{path} is no saved plan", hint="make one: swarmnet plan PLAYBOOK -i INVENTORY -o FILE")
    return digest


def show_report(report: ApplyReport, *, as_json: bool) -> None:
    """Print how a run ended and exit with its code."""
    from swarmnet.report.apply import apply_json, apply_text  # noqa: PLC0415 - as above
    from swarmnet.report.text import Paint  # noqa: PLC0415 - as above

    if as_json:
        typer.echo(json.dumps(apply_json(report)))
    else:
        typer.echo(apply_text(report, Paint.for_stream(sys.stdout)))
    raise typer.Exit(report.exit_code)
