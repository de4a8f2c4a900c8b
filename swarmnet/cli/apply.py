"""``swarmnet apply``: show the plan, ask, do it, and prove that a second plan is empty."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import Agreement, JsonOption, LimitedCluster, grouped
from swarmnet.cli.planning import PlaybookArgument, PlaybookOptions  # noqa: TC001 - typer reads them at run time
from swarmnet.cli.streams import echo_json
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from swarmnet.model.report import ApplyReport

EXAMPLE = "swarmnet apply playbooks/site.yml -i lab.yml"

PlanOption = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", help="Do only what `plan -o FILE` saved; refuse anything else.")
]


@grouped
def command(
    playbook: PlaybookArgument,
    cluster: LimitedCluster,
    options: PlaybookOptions,
    agreement: Agreement,
    plan: PlanOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the cluster as the playbook says: show the plan, ask, do it, and prove that a second plan is empty."""
    from swarmnet.workflows.apply import apply  # noqa: PLC0415 - commands load what they need

    expected = None if plan is None else saved_digest(plan)
    hosts = cluster.read()
    goal = options.goal(playbook, hosts, cluster.limit)
    with cluster.connected(hosts) as ports:
        report = apply(ports, goal, agreement.terms(on_stderr=as_json, expected=expected))
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
        echo_json(apply_json(report))
    else:
        typer.echo(apply_text(report, Paint.for_stream(sys.stdout)))
    raise typer.Exit(report.exit_code)
