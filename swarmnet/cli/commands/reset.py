"""``swarmnet reset``: leave the swarm, and remove what swarmnet made."""

from __future__ import annotations

from functools import partial

from swarmnet.cli.commands.apply import show_report
from swarmnet.cli.options import Agreement, Cluster, JsonOption, MissingOption, grouped

EXAMPLE = "swarmnet reset -i lab.yml"


@grouped
def command(
    cluster: Cluster, agreement: Agreement, allow_missing: MissingOption = False, as_json: JsonOption = False
) -> None:
    """Take the swarm apart: services, workers, managers, the leader last. What it holds is lost; back it up before."""
    from swarmnet.plan.guard import Permissions  # noqa: PLC0415 - commands load what they need
    from swarmnet.plan.reset import reset  # noqa: PLC0415 - as above
    from swarmnet.workflows.apply import Goal, apply  # noqa: PLC0415 - as above
    from swarmnet.workflows.fleet.observe import Look  # noqa: PLC0415 - as above

    hosts = cluster.read()
    goal = Goal(
        make_plan=partial(reset, inventory=hosts),
        look=Look(),
        permissions=Permissions(allow_missing=allow_missing, dissolve=True),
        command="reset",
    )
    with cluster.connected(hosts) as ports:
        report = apply(ports, goal, agreement.terms(on_stderr=as_json, verbose=cluster.verbose))
    show_report(report, as_json=as_json)
