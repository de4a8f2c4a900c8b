"""``swarmnet status``: cluster, nodes, networks, services, at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from swarmnet.cli import wiring
from swarmnet.cli.backup_age import Watched
from swarmnet.cli.options import LimitedCluster, ShowValuesOption, grouped
from swarmnet.cli.output import Output
from swarmnet.errors import ExitCode

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory

EXAMPLE = "swarmnet status -i lab.yml"
CONNECT_LIMIT = 5.0
"""Seconds for a host to accept a connection: two packets may be lost on the way."""


@grouped
def command(cluster: LimitedCluster, watched: Watched, output: Output, show_values: ShowValuesOption = False) -> None:
    """Show the cluster at a glance: healthy, degraded or lost, and why; then what runs where.

    It ends with the age of the newest complete backup. Exit 3: degraded or lost, or that backup is too old. Each host
    has 5 s to accept a connection, or --timeout: a busy one may need longer.
    """
    targets, hosts = output.targets(), cluster.read()
    with cluster.observed(quick(hosts, cluster.timeout)) as ports:  # what follows loads while the logins go on
        from swarmnet.model.announced_losses import Health
        from swarmnet.model.redaction import Cover
        from swarmnet.model.standing import believed
        from swarmnet.report.documents.lock import lock_entries
        from swarmnet.report.documents.status import status_document
        from swarmnet.report.reports.status import status_report
        from swarmnet.report.terminal.lock import lock_lines
        from swarmnet.report.terminal.status import backup_lines, status_lines
        from swarmnet.workflows.fleet.observe import Look, observe
        from swarmnet.workflows.lock.holders import holders

        age = watched.age(hosts.cluster)
        state = observe(ports, Look(hosts=cluster.names(hosts), tasks=True, data_paths=True))
        found, operator = holders(ports, state), wiring.this_operator()
    document = status_document(state, hosts, lock_entries(found, operator), Cover(shows=show_values), backups=age)
    lines = (*status_lines(state, hosts), *lock_lines(found, operator), *backup_lines(age))
    targets.emit(status_report(document, lines))
    if believed(state, hosts).health in (Health.DEGRADED, Health.LOST) or state.failures or age.overdue:
        raise typer.Exit(ExitCode.INCOMPLETE)


def quick(hosts: Inventory, timeout: float | None = None) -> Inventory:
    """Return the inventory with short time-outs for connections: a person waits in front of the screen.

    ``timeout`` is what the operator asks for instead; an inventory's own ``connect_timeout`` still bounds it.
    """
    from swarmnet.cli.wiring import patient

    limit = timeout or CONNECT_LIMIT
    return patient(hosts, limit, unwritten=limit)
