"""``swarmnet ipam``: which addresses of all networks and pools are used, by whom, and how many are left."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmnet.cli.options import LimitedCluster, grouped, names_of
from swarmnet.cli.output import Output
from swarmnet.errors import ExitCode, UsageError

EXAMPLE = "swarmnet ipam -i lab.yml --network front"


@grouped
def command(
    cluster: LimitedCluster,
    output: Output,
    network: Annotated[
        list[str] | None,
        typer.Option("--network", metavar="NAME", help="Only this network, with each address; repeatable."),
    ] = None,
) -> None:
    """Show the addresses of all networks: used, free, and by whom; and the blocks of all pools.

    Exit 1: tasks wait for an address of a full network. Exit 3: some hosts did not answer, so what they use is missing.
    """
    from swarmnet.model.standing import answered
    from swarmnet.operations.network.ipam import addresses
    from swarmnet.report.reports.ipam import ipam_report
    from swarmnet.workflows.fleet.observe import Look, observe

    targets, hosts = output.targets(), cluster.read()
    with cluster.connected(hosts) as ports:
        state = observe(ports, Look(hosts=cluster.names(hosts), containers=True))
    answered(state, hosts)
    found = addresses(state, hosts)
    wanted = names_of(network)
    known = {one.network for one in found.networks}
    if unknown := sorted(wanted - known):
        raise UsageError(f"no network {unknown[0]!r}", hint=f"networks: {', '.join(sorted(known)) or 'none'}")
    if wanted:
        chosen = tuple(one for one in found.networks if one.network in wanted)
        found = found.model_copy(update={"networks": chosen, "pools": ()})
    targets.emit(ipam_report(found, whole=bool(wanted) or cluster.verbose))
    if any(one.is_full for one in found.networks):
        raise typer.Exit(ExitCode.FAILED)
    if found.failures:
        raise typer.Exit(ExitCode.INCOMPLETE)
