"""``swarmnet status``: cluster, nodes, networks, services, at a glance."""

from __future__ import annotations

import json
import sys

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import InventoryOption, JsonOption, LimitOption, VerboseOption  # noqa: TC001 - read by typer
from swarmnet.errors import ExitCode


def command(
    inventory: InventoryOption, limit: LimitOption = None, as_json: JsonOption = False, verbose: VerboseOption = False
) -> None:
    """Show the cluster at a glance.

    Exit 3: some hosts do not answer, are locked, or nobody answers for their swarm.

    Example: swarmnet status -i inventories/lab.yml
    """
    from swarmnet.report.status import status_json, status_text  # noqa: PLC0415 - commands load what they need
    from swarmnet.report.text import Paint  # noqa: PLC0415 - as above
    from swarmnet.workflows.observe import Look, observe  # noqa: PLC0415 - as above

    hosts = wiring.read_inventory(inventory)
    _selectors, names = wiring.limited(hosts, limit)
    with wiring.connected(hosts, verbose=verbose) as ports:
        state = observe(ports, Look(hosts=names))
    if as_json:
        typer.echo(json.dumps(status_json(state, hosts.cluster)))
    else:
        typer.echo(status_text(state, hosts.cluster, Paint.for_stream(sys.stdout)))
    headless = state.swarm is None and any(facts.engine.membership.node_id for facts in state.hosts)
    if state.failures or state.locked or headless:
        raise typer.Exit(ExitCode.INCOMPLETE)
