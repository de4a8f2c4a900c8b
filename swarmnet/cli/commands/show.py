"""``swarmnet show``: what is where, in one view of the managers and of all hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from swarmnet.cli.options import LimitedCluster, grouped
from swarmnet.cli.output import Output
from swarmnet.errors import ExitCode

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet show network front -i lab.yml"

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Its name.", show_default=False)]


@app.command(epilog="Example: swarmnet show networks -i lab.yml")
@grouped
def networks(cluster: LimitedCluster, output: Output) -> None:
    """Show all networks: of the swarm, and of each host."""
    _show("networks", cluster, output)


@app.command(epilog="Example: swarmnet show network front -i lab.yml")
@grouped
def network(cluster: LimitedCluster, output: Output, name: NameArgument) -> None:
    """Show who is on a network, and the names that lead there."""
    _show("network", cluster, output, name)


@app.command(epilog="Example: swarmnet show service web -i lab.yml")
@grouped
def service(cluster: LimitedCluster, output: Output, name: NameArgument) -> None:
    """Show a service: its tasks, their hosts and addresses, its ports."""
    _show("service", cluster, output, name)


@app.command(epilog="Example: swarmnet show host m1 -i lab.yml")
@grouped
def host(cluster: LimitedCluster, output: Output, name: NameArgument) -> None:
    """Show a host: its networks, and the tasks and containers on it."""
    _show("host", cluster, output, name)


@app.command(epilog="Example: swarmnet show stack shop -i lab.yml")
@grouped
def stack(
    cluster: LimitedCluster,
    output: Output,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One stack; without it, all.")] = None,
) -> None:
    """Show the services of a stack of `docker stack`, or of all."""
    _show("stack", cluster, output, name)


@app.command(epilog="Example: swarmnet show names -i lab.yml")
@grouped
def names(cluster: LimitedCluster, output: Output) -> None:
    """Show what each name leads to, network by network."""
    _show("names", cluster, output)


@app.command(epilog="Example: swarmnet show ports -i lab.yml")
@grouped
def ports(cluster: LimitedCluster, output: Output) -> None:
    """Show each published port, and the hosts where it answers."""
    _show("ports", cluster, output)


@app.command(epilog="Example: swarmnet show volumes -i lab.yml")
@grouped
def volumes(
    cluster: LimitedCluster,
    output: Output,
    *,
    size: Annotated[
        bool, typer.Option("--size", help="Also count sizes: engines read all files of all volumes.")
    ] = False,
) -> None:
    """Show the named volumes of all hosts, and what uses each."""
    _show("volumes", cluster, output, sized=size)


def _show(word: str, cluster: LimitedCluster, output: Output, name: str | None = None, *, sized: bool = False) -> None:
    """Observe, and emit one view of the picture; exit 3 where hosts did not answer."""
    from swarmnet.model.standing import answered
    from swarmnet.model.topology import topology
    from swarmnet.report.documents.show import show_document
    from swarmnet.report.reports.show import show_report
    from swarmnet.workflows.fleet.observe import RECORDED, observe
    from swarmnet.workflows.volume_sizes import sizes_of_volumes

    targets, hosts = output.targets(), cluster.read()
    with cluster.connected(hosts) as ports_:
        state = observe(ports_, replace(RECORDED, hosts=cluster.names(hosts), data_paths=word == "host"))
        sizes, unsized = sizes_of_volumes(ports_, state) if sized else ({}, ())
    answered(state, hosts)
    state = state.model_copy(update={"failures": (*state.failures, *unsized)})
    targets.emit(show_report(word, show_document(topology(state, sizes), hosts.cluster), name))
    if state.failures:
        raise typer.Exit(ExitCode.INCOMPLETE)
