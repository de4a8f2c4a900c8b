"""``swarmnet node``: hosts come and go, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.commands.apply import end_with
from swarmnet.cli.options import Agreement, AllowDownOption, Cluster, grouped, names_of
from swarmnet.cli.output import Output
from swarmnet.cli.readiness import UnreadyOption, ready_to_join

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Plan
    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.apply import ReadinessCheck

    Planner = Callable[[ClusterState, Inventory], Plan]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet node drain w1 -i lab.yml"

HostArgument = Annotated[
    str,
    typer.Argument(help="Host of the inventory, or a node's hostname or id.", metavar="HOST", show_default=False),
]
ForceOption = Annotated[
    bool,
    typer.Option(
        "--force", help="HOST is dead for good: do not ask it, only remove its entry. It must never come back as it is."
    ),
]
WithOption = Annotated[
    str | None,
    typer.Option(
        "--with",
        metavar="NEW",
        help="The host that takes its place; default: HOST itself, rebuilt.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Costs:
    """What taking a host out of the swarm may cost."""

    allow_down: AllowDownOption = None
    force: ForceOption = False


@dataclass(frozen=True, slots=True)
class Replacing(Costs):
    """What replacing a host may cost, and whom it may let in."""

    allow_unready: UnreadyOption = False


@dataclass(frozen=True, slots=True)
class Named:
    """The host of a command, and how it is looked at."""

    host: str
    also: str = ""
    """Another host that is looked at; empty for none."""
    silent: Collection[str] = ()
    """Hosts that are asked nothing."""


@app.command(epilog="Example: swarmnet node drain w1 -i lab.yml")
@grouped
def drain(
    host: HostArgument, cluster: Cluster, agreement: Agreement, output: Output, allow_down: AllowDownOption = None
) -> None:
    """Move all tasks of a node elsewhere, and wait until they run there."""
    from swarmnet.plan.nodes import drained

    _run("drain", Named(host), (cluster, agreement, output), lambda *seen: drained(host, *seen), allow_down=allow_down)


@app.command(epilog="Example: swarmnet node activate w1 -i lab.yml")
@grouped
def activate(host: HostArgument, cluster: Cluster, agreement: Agreement, output: Output) -> None:
    """Let a drained or paused node take tasks again. Running tasks stay where they are."""
    from swarmnet.plan.nodes import activated

    _run("activate", Named(host), (cluster, agreement, output), lambda *seen: activated(host, *seen))


@app.command(epilog="Example: swarmnet node promote w1 -i lab.yml")
@grouped
def promote(host: HostArgument, cluster: Cluster, agreement: Agreement, output: Output) -> None:
    """Make a worker a manager, and wait until it is reachable as one."""
    from swarmnet.plan.nodes import promoted

    _run("promote", Named(host), (cluster, agreement, output), lambda *seen: promoted(host, *seen))


@app.command(epilog="Example: swarmnet node demote m3 -i lab.yml", short_help="Make a manager a worker.")
@grouped
def demote(
    host: HostArgument, cluster: Cluster, agreement: Agreement, output: Output, allow_down: AllowDownOption = None
) -> None:
    """Make a manager a worker; refused where the swarm would lose its quorum."""
    from swarmnet.plan.nodes import demoted

    _run("demote", Named(host), (cluster, agreement, output), lambda *seen: demoted(host, *seen), allow_down=allow_down)


@app.command(epilog="Example: swarmnet node remove w1 -i lab.yml", short_help="Take a host out of the swarm.")
@grouped
def remove(
    host: HostArgument,
    cluster: Cluster,
    agreement: Agreement,
    output: Output,
    costs: Costs,
) -> None:
    """Take a host out of the swarm: its tasks move, it leaves, and its entry in the list of nodes goes.

    Its volumes, images and containers stay on the host. Refused where the swarm would lose its quorum.
    """
    from swarmnet.plan.nodes import removed

    _run(
        "remove",
        Named(host, silent=[host] if costs.force else []),
        (cluster, agreement, output),
        lambda *seen: removed(host, *seen, force=costs.force),
        allow_down=costs.allow_down,
    )


@app.command(epilog="Example: swarmnet node replace w1 --with w4 -i lab.yml", short_help="Put a host in its place.")
@grouped
def replace(
    host: HostArgument,
    cluster: Cluster,
    agreement: Agreement,
    output: Output,
    costs: Replacing,
    new: WithOption = None,
) -> None:
    """Replace HOST by another host, which joins with the labels, role and availability that HOST has now."""
    from swarmnet.plan.replace import replaced

    by = new or host
    _run(
        "replace",
        Named(host, also=by, silent=[host] if costs.force and by != host else []),
        (cluster, agreement, output),
        lambda *seen: replaced(host, by, *seen, force=costs.force),
        allow_down=costs.allow_down,
        readiness=ready_to_join(allowed=costs.allow_unready),
    )


def _run(
    verb: str,
    named: Named,
    options: tuple[Cluster, Agreement, Output],
    planner: Planner,
    *,
    allow_down: list[str] | None = None,
    readiness: ReadinessCheck | None = None,
) -> None:
    """Carry out the plan for one host as ``apply`` does."""
    from swarmnet.plan.guard import Permissions
    from swarmnet.workflows.apply import Goal, apply
    from swarmnet.workflows.fleet.observe import Look

    cluster, agreement, output = options
    targets = output.targets()
    hosts = cluster.read()
    asked = hosts.model_copy(update={"hosts": tuple(one for one in hosts.hosts if one.name not in named.silent)})
    looked_at = frozenset({named.host, named.also} & {one.name for one in asked.hosts})
    goal = Goal(
        make_plan=lambda state: planner(state, hosts),
        look=Look(hosts=looked_at),
        # The plan says what a silent host prevents; the quorum counts the managers that do not answer.
        permissions=Permissions(allow_missing=True, allow_down=names_of(allow_down)),
        command=f"node {verb} {named.host}",
        readiness=readiness,
    )
    with cluster.connected(asked) as ports:
        report = apply(ports, goal, agreement.terms(on_stderr=targets.on_stderr, verbose=cluster.verbose))
    end_with(report, targets, f"node {verb}")
