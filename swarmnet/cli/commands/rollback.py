"""``swarmnet rollback``: a service as it was before its last update."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmnet.cli.commands.apply import end_with
from swarmnet.cli.options import Agreement, Cluster, grouped
from swarmnet.cli.output import Output

EXAMPLE = "swarmnet rollback web -i lab.yml"
ServiceArgument = Annotated[str, typer.Argument(help="Service.", metavar="SERVICE", show_default=False)]


@grouped
def command(service: ServiceArgument, cluster: Cluster, agreement: Agreement, output: Output) -> None:
    """Bring a service back to what it was before its last update, and wait until its tasks run.

    The engine keeps one earlier version; a second rollback returns to the version that the first one left.
    """
    from swarmnet.workflows.apply import apply
    from swarmnet.workflows.rollback import rollback

    targets = output.targets()
    hosts = cluster.read()
    terms = agreement.terms(on_stderr=targets.on_stderr, verbose=cluster.verbose)
    with cluster.connected(hosts) as ports:
        report = apply(ports, rollback(ports, service), terms)
    end_with(report, targets, "rollback")
