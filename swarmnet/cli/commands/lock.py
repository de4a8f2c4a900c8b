"""``swarmnet lock``: show who changes the cluster, and break a lock that was left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import Cluster, YesOption, grouped
from swarmnet.cli.output import Output, Targets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.lock import Holder
    from swarmnet.model.ports import Ports

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet lock status -i lab.yml"


@app.command(epilog="Example: swarmnet lock status -i lab.yml")
@grouped
def status(cluster: Cluster, output: Output) -> None:
    """Show who holds the cluster's lock.

    Exit 3: no manager answers for the swarm that holds the lock, so its holder is unknown.
    """
    targets, hosts = output.targets(), cluster.read()
    with cluster.observed(hosts) as ports:
        found = _holders(ports, hosts)
    _show("status", found, hosts.cluster, targets)


@app.command("break", epilog="Example: swarmnet lock break -i lab.yml", short_help="Remove the cluster's lock.")
@grouped
def break_(cluster: Cluster, output: Output, yes: YesOption = False) -> None:
    """Remove the cluster's lock. A run that is still alive stops before its next action.

    Only the lock that was shown is removed: when another run has it by then, that is an error.
    """
    from swarmnet.workflows.lock.holders import break_locks

    targets, hosts = output.targets(), cluster.read()
    with cluster.observed(hosts) as ports:
        found = _holders(ports, hosts)
        if found and not yes:
            names = " and ".join(dict.fromkeys(str(holder) for holder in found))
            wiring.confirm_cluster(hosts.cluster, f"break the lock of {names}")
        broken = break_locks(ports, found)
    _show("break", broken, hosts.cluster, targets)


def _holders(ports: Ports, hosts: Inventory) -> tuple[Holder, ...]:
    """Return who holds the cluster's lock.

    Raises:
        IncompleteError: no manager answers, so that this is unknown.
    """
    from swarmnet.workflows.fleet.observe import observe
    from swarmnet.workflows.lock.holders import holders, visible

    state = observe(ports)
    found = holders(ports, state)
    if not found:
        visible(state, hosts)
    return found


def _show(verb: str, holders: Iterable[Holder], cluster: str, targets: Targets) -> None:
    from swarmnet.report.documents.lock import locks_document
    from swarmnet.report.reports.lock import lock_report
    from swarmnet.report.terminal.lock import lock_lines

    found, operator = tuple(holders), wiring.this_operator()
    if verb == "break":
        lines = [f"broken in {holder.place}: {holder}" for holder in found]
    else:
        lines = lock_lines(found, operator)
    document = locks_document(cluster, found, operator)
    targets.emit(lock_report(verb, document, lines or [f"cluster {cluster} is not locked"]))
