"""``swarmnet status``: cluster, nodes, networks, services, at a glance."""

from __future__ import annotations

import sys

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import JsonOption, LimitedCluster, grouped
from swarmnet.cli.streams import echo_json
from swarmnet.errors import ExitCode

EXAMPLE = "swarmnet status -i lab.yml"


@grouped
def command(cluster: LimitedCluster, as_json: JsonOption = False) -> None:
    """Show the cluster at a glance.

    Exit 3: some hosts do not answer, are locked, or nobody answers for their swarm.
    """
    from swarmnet.report.lock import lock_lines, locks_json  # noqa: PLC0415 - commands load what they need
    from swarmnet.report.status import status_json, status_text  # noqa: PLC0415 - as above
    from swarmnet.report.text import Paint  # noqa: PLC0415 - as above
    from swarmnet.workflows.lock import holders  # noqa: PLC0415 - as above
    from swarmnet.workflows.observe import Look, observe  # noqa: PLC0415 - as above

    hosts = cluster.read()
    with cluster.connected(hosts) as ports:
        state = observe(ports, Look(hosts=cluster.names(hosts)))
        found, operator = holders(ports, state), wiring.this_operator()
    if as_json:
        echo_json(status_json(state, hosts.cluster, locks_json(found, operator)))
    else:
        typer.echo(status_text(state, hosts.cluster, Paint.for_stream(sys.stdout)))
        for line in lock_lines(found, operator):
            typer.echo(line)
    headless = state.swarm is None and any(facts.engine.membership.node_id for facts in state.hosts)
    if state.failures or state.locked or headless:
        raise typer.Exit(ExitCode.INCOMPLETE)
