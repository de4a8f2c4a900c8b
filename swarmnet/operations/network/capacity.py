"""How many addresses a network can give, and how many are asked of it.

Shown on 20.10, 26.1 and 28.5: an overlay with a /28 gives 13 addresses. On two nodes a service takes one virtual
address, one address for the load balancer of each node, and one a task: 10 tasks run. With 11 the tasks of one node
stay "Preparing", with 12 all do, since tasks get theirs before the load balancers; from 13 on the rest stays "New". No
error is shown for any of them. A service in endpoint mode dnsrr takes no virtual address.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.placement import eligible
from swarmnet.model.service import EndpointMode, PublishMode
from swarmnet.operations.service.constraints import wanted_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from swarmnet.model.network import NetworkSpec, Subnet
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node

ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})
"""States of tasks that hold no address."""


def usable(block: Subnet) -> int:
    """Return how many addresses containers can get of a block: without network, broadcast and gateway.

    Seen on 20.10 and 26.1: with ``ip_range`` the engine takes a gateway that is not written out of the range, too.
    """
    subnet = ipaddress.ip_network(block.subnet)
    span = subnet if block.ip_range is None else ipaddress.ip_network(block.ip_range)
    kept = {subnet.network_address, subnet.broadcast_address}
    gateway = None if block.gateway is None else ipaddress.ip_address(block.gateway)
    inside = sum(one in span for one in kept)
    chosen = gateway is None or gateway in kept or gateway in span
    return max(span.num_addresses - inside - chosen, 0)


def capacity(blocks: Iterable[Subnet]) -> int | None:
    """Return how many IPv4 addresses all blocks can give, or None if there is no IPv4 block."""
    found = [usable(block) for block in blocks if ":" not in block.subnet]
    return sum(found) if found else None


@dataclass(frozen=True, slots=True)
class Demand:
    """The addresses that one service asks of a network."""

    name: str
    tasks: int
    virtual: int
    nodes: int
    """On how many nodes its tasks run, each with a load balancer on the network."""

    @property
    def total(self) -> int:
        """Its tasks and its virtual address."""
        return self.tasks + self.virtual

    @classmethod
    def of(cls, spec: ServiceSpec, nodes: Sequence[Node]) -> Demand:
        """Return what a service asks for when all its tasks run."""
        tasks = wanted_tasks(spec, nodes)
        virtual = 0 if spec.endpoint_mode is EndpointMode.DNSRR else 1
        return cls(spec.name, tasks, virtual, min(tasks, len(eligible(spec, nodes))))

    @classmethod
    def at_most(cls, spec: ServiceSpec, nodes: Sequence[Node]) -> Demand:
        """Return the most that a service can ask for, without a look at its constraints, which takes long."""
        everywhere = spec.mode.is_everywhere or spec.replicas is None
        return cls(spec.name, max(len(nodes), 1) if everywhere else spec.replicas or 0, 1, len(nodes))


def is_on(spec: ServiceSpec, network: NetworkSpec) -> bool:
    """Return whether a service takes addresses of a network; of the ingress network by publishing ports in the mesh."""
    if network.ingress:
        return any(port.mode is PublishMode.INGRESS for port in spec.ports or ())
    return any(one.network == network.name for one in spec.networks or ())


def others_on(
    network: NetworkSpec,
    state: ClusterState,
    *,
    without: Collection[str] = (),
    asked: Callable[[ServiceSpec, Sequence[Node]], Demand] = Demand.of,
) -> tuple[tuple[Demand, ...], int]:
    """Return what other services ask of a network, and how many containers outside of services are on it."""
    services = tuple(
        asked(one.spec, state.nodes)
        for one in state.services
        if one.spec.name not in without and is_on(one.spec, network)
    )
    attached = sum(
        task.service_id is None and task.state not in ENDED and network.name in task.networks for task in state.tasks
    )
    return services, attached


def needed(demands: Sequence[Demand], containers: int, network: NetworkSpec, state: ClusterState) -> int:
    """Return how many addresses services and containers take together, the load balancers of the nodes included."""
    balancers = max((one.nodes for one in demands), default=0)
    if network.ingress:
        balancers = max(balancers, len(state.nodes))
    return sum(one.total for one in demands) + containers + max(balancers, min(containers, 1))
