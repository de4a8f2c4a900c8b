"""``swarmnet lock``: who changes the cluster now, and a way past somebody who is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import Cluster, JsonOption, YesOption, grouped
from swarmnet.cli.streams import echo_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.lock import Holder

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet lock status -i lab.yml"


@app.command(epilog="Example: swarmnet lock status -i lab.yml")
@grouped
def status(cluster: Cluster, as_json: JsonOption = False) -> None:
    """Show who holds the cluster's lock.

    Exit 3: no manager answers for the swarm that holds the lock, so nobody knows.
    """
    from swarmnet.workflows.fleet.observe import observe  # noqa: PLC0415 - as above
    from swarmnet.workflows.lock.lock import holders, visible  # noqa: PLC0415 - commands load what they need

    hosts = cluster.read()
    with cluster.connected(hosts) as ports:
        state = observe(ports)
        found = holders(ports, state)
        if not found:
            visible(state, hosts)
    _show(found, hosts.cluster, as_json=as_json, verb="held")


@app.command(
    "break", epilog="Example: swarmnet lock break -i lab.yml", short_help="Remove the cluster's lock, whoever holds it."
)
@grouped
def break_(cluster: Cluster, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Remove the cluster's lock, whoever holds it; a run that still lives stops before its next action.

    Only the lock that was shown is removed: when somebody else has it by then, that is an error.
    """
    from swarmnet.workflows.fleet.observe import observe  # noqa: PLC0415 - as above
    from swarmnet.workflows.lock.lock import break_locks, holders, visible  # noqa: PLC0415 - as above

    hosts = cluster.read()
    with cluster.connected(hosts) as ports:
        state = observe(ports)
        found = holders(ports, state)
        if not found:
            visible(state, hosts)
        if found and not yes:
            names = " and ".join(dict.fromkeys(str(holder) for holder in found))
            wiring.confirm_cluster(hosts.cluster, f"break the lock of {names}")
        broken = break_locks(ports, found)
    _show(broken, hosts.cluster, as_json=as_json, verb="broken")


def _show(holders: Iterable[Holder], cluster: str, *, as_json: bool, verb: str) -> None:
    from swarmnet.report.terminal.lock import locks_json  # noqa: PLC0415 - as above
    from swarmnet.report.terminal.text import on_one_line  # noqa: PLC0415 - as above

    found = tuple(holders)
    if as_json:
        locks = locks_json(found, wiring.this_operator())
        echo_json({"schema": 1, "cluster": cluster, "locks": locks})
        return
    for holder in found:
        typer.echo(f"{verb} in {on_one_line(holder.place)}: {on_one_line(str(holder))}")
    if not found:
        typer.echo(f"cluster {on_one_line(cluster)} is not locked")
