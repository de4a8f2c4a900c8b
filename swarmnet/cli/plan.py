"""``swarmnet plan``: what would change, and why."""

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
)
from swarmnet.cli.planning import (  # noqa: TC001 - as above
    MissingOption,
    PlaybookArgument,
    PruneOption,
    ReplaceOption,
    VarOption,
)
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from swarmnet.workflows.apply import Prepared

OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Save the plan; `apply --plan FILE` does just it.")
]


def command(
    playbook: PlaybookArgument,
    inventory: InventoryOption,
    check: Annotated[bool, typer.Option("--check", help="Exit 6 if anything would change.")] = False,
    output: OutputOption = None,
    prune: PruneOption = False,
    replace: ReplaceOption = None,
    allow_missing: MissingOption = False,
    limit: LimitOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show what `apply` would change, and why; nothing is written to any host."""
    from swarmnet.workflows.apply import prepare  # noqa: PLC0415 - commands load what they need

    hosts = wiring.read_inventory(inventory)
    allowed = planning.permissions(prune=prune, replace=replace, allow_missing=allow_missing)
    goal = planning.goal_of(playbook, hosts, limit=limit, variables=var, allowed=allowed)
    with wiring.connected(hosts, verbose=verbose) as ports:
        prepared = prepare(ports, goal)
    _save(output, prepared)
    _print(prepared, as_json=as_json)
    if prepared.state.failures:
        raise typer.Exit(ExitCode.INCOMPLETE)
    if check and any(not action.always for action in prepared.plan.actions):
        raise typer.Exit(ExitCode.PENDING)


def _print(prepared: Prepared, *, as_json: bool) -> None:
    from swarmnet.report.plan import plan_json, plan_text  # noqa: PLC0415 - as above
    from swarmnet.report.text import Paint  # noqa: PLC0415 - as above

    refused = [str(refusal) for refusal in prepared.refusals]
    if as_json:
        typer.echo(json.dumps(plan_json(prepared.plan, prepared.state) | {"refused": list(refused)}))
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
