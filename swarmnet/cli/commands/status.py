"""``swarmnet status``: cluster, nodes, networks, services, at a glance."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import JsonOption, LimitedCluster, ShowValuesOption, grouped
from swarmnet.cli.streams import echo_json
from swarmnet.errors import ExitCode

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory

EXAMPLE = "swarmnet status -i lab.yml"
CONNECT_LIMIT = 5.0
"""Seconds for a host to take a connection: two packets may be lost on the way."""


@grouped
def command(cluster: LimitedCluster, show_values: ShowValuesOption = False, as_json: JsonOption = False) -> None:
    """Show the cluster at a glance: healthy, degraded or lost, and why; then what is where.

    Exit 3: degraded or lost. Hosts are waited for 5 s to connect, or for --timeout.
    """
    from swarmnet.model.announced_losses import Health  # noqa: PLC0415 - commands load what they need
    from swarmnet.model.redaction import Cover  # noqa: PLC0415 - as above
    from swarmnet.model.standing import standing  # noqa: PLC0415 - as above
    from swarmnet.report.terminal.lock import lock_lines, locks_json  # noqa: PLC0415 - as above
    from swarmnet.report.terminal.status import status_json, status_text  # noqa: PLC0415 - as above
    from swarmnet.report.terminal.text import Paint  # noqa: PLC0415 - as above
    from swarmnet.workflows.fleet.observe import Look, observe  # noqa: PLC0415 - as above
    from swarmnet.workflows.lock.lock import holders  # noqa: PLC0415 - as above

    hosts = cluster.read()
    with cluster.connected(quick(hosts)) as ports:
        state = observe(ports, Look(hosts=cluster.names(hosts)))
        found, operator = holders(ports, state), wiring.this_operator()
    if as_json:
        echo_json(status_json(state, hosts, locks_json(found, operator), Cover(shows=show_values)))
    else:
        typer.echo(status_text(state, hosts, Paint.for_stream(sys.stdout)))
        for line in lock_lines(found, operator):
            typer.echo(line)
    if standing(state, hosts).health in (Health.DEGRADED, Health.LOST) or state.failures:
        raise typer.Exit(ExitCode.INCOMPLETE)


def quick(hosts: Inventory) -> Inventory:
    """Return the inventory with no connection waited for longer than who looks at a screen waits for one."""
    from swarmnet.cli.wiring import patient  # noqa: PLC0415 - as above

    return patient(hosts, CONNECT_LIMIT)
