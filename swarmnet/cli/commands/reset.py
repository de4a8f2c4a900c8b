"""``swarmnet reset``: leave the swarm, and remove what swarmnet created."""

from __future__ import annotations

from functools import partial

from swarmnet.cli.commands.apply import end_with
from swarmnet.cli.options import Agreement, Cluster, MissingOption, grouped
from swarmnet.cli.output import Output

EXAMPLE = "swarmnet reset -i lab.yml"


@grouped
def command(cluster: Cluster, agreement: Agreement, output: Output, allow_missing: MissingOption = False) -> None:
    """Dissolve the swarm: services, workers, managers, the leader last. Its contents are lost; take a backup first.

    On the hosts, networks and containers with swarmnet's label go, too. Volumes stay, since they hold data; the plan
    names those that swarmnet made.
    """
    from swarmnet.plan.guard import Permissions
    from swarmnet.plan.reset import reset
    from swarmnet.workflows.apply import Goal, apply
    from swarmnet.workflows.fleet.observe import RECORDED

    targets = output.targets()
    hosts = cluster.read()
    goal = Goal(
        make_plan=partial(reset, inventory=hosts),
        look=RECORDED,
        permissions=Permissions(allow_missing=allow_missing, dissolve=True),
        command="reset",
    )
    with cluster.observed(hosts) as ports:
        report = apply(ports, goal, agreement.terms(on_stderr=targets.on_stderr, verbose=cluster.verbose))
    end_with(report, targets, "reset")
