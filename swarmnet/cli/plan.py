"""``swarmnet plan``: what would change, and why."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import JsonOption, LimitedCluster, grouped
from swarmnet.cli.planning import PlaybookArgument, PlaybookOptions  # noqa: TC001 - typer reads them at run time
from swarmnet.cli.streams import echo_json
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.lock import Holder
    from swarmnet.workflows.apply import Prepared

EXAMPLE = "swarmnet plan playbooks/site.yml -i lab.yml --check"

OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Save the plan; `apply --plan FILE` does just it.")
]


@grouped
def command(
    playbook: PlaybookArgument,
    cluster: LimitedCluster,
    options: PlaybookOptions,
    check: Annotated[bool, typer.Option("--check", help="Exit 6 if anything would change.")] = False,
    output: OutputOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what `apply` would change, and why; nothing is written to any host."""
    from swarmnet.workflows.apply import prepare  # noqa: PLC0415 - commands load what they need
    from swarmnet.workflows.lock import holders  # noqa: PLC0415 - as above

    hosts = cluster.read()
    goal = options.goal(playbook, hosts, cluster.limit)
    with cluster.connected(hosts) as ports:
        prepared = prepare(ports, goal)
        found = holders(ports, prepared.state)
    _save(output, prepared)
    _print(prepared, found, as_json=as_json)
    if prepared.state.failures:
        raise typer.Exit(ExitCode.INCOMPLETE)
    if check and any(not action.always for action in prepared.plan.actions):
        raise typer.Exit(ExitCode.PENDING)


def _print(prepared: Prepared, found: Sequence[Holder], *, as_json: bool) -> None:
    from swarmnet.report.lock import lock_lines, locks_json  # noqa: PLC0415 - as above
    from swarmnet.report.plan import plan_json, plan_text  # noqa: PLC0415 - as above
    from swarmnet.report.text import Paint  # noqa: PLC0415 - as above

    operator = wiring.this_operator()
    refused = [str(refusal) for refusal in prepared.refusals]
    for line in lock_lines(found, operator):
        wiring.say(line)
    if as_json:
        more = {"refused": list(refused), "locks": locks_json(found, operator)}
        echo_json(plan_json(prepared.plan, prepared.state) | more)
        return
    typer.echo(plan_text(prepared.plan, prepared.state, Paint.for_stream(sys.stdout)))
    for text in refused:
        wiring.say(f"apply would refuse: {text}")


def _save(path: Path | None, prepared: Prepared) -> None:
    from swarmnet.edge.files import write_atomically  # noqa: PLC0415 - as above
    from swarmnet.report.plan import plan_json  # noqa: PLC0415 - as above

    if path is None:
        return
    try:
        write_atomically(path, json.dumps(plan_json(prepared.plan, prepared.state), indent=2).encode())
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
