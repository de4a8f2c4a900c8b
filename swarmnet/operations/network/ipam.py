"""Who has which address, read from what was seen of the cluster. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.addresses import AddressReport, AddressUse, NetworkAddresses, PoolAddresses, UseKind
from swarmnet.model.hosts import AddressPool
from swarmnet.model.network import GATEWAY, Network
from swarmnet.operations.network.capacity import ENDED, capacity
from swarmnet.operations.network.pools import Taken, free_block, taken_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.service import Task
    from swarmnet.model.state import ClusterState, HostFacts

_SWARM_POOL = AddressPool(cidr="10.0.0.0/8", size=24)
"""Where engines take the blocks of overlays from unless ``swarm init`` names other pools."""


def addresses(state: ClusterState, inventory: Inventory) -> AddressReport:
    """Return the addresses of all networks of the swarm and of all hosts, and the blocks of all pools."""
    reader = _Reader(state)
    swarm = (reader.of_swarm(net) for net in sorted(state.networks, key=lambda net: net.spec.name))
    local = (found for facts in state.hosts for found in _of_host(facts))
    return AddressReport(
        cluster=inventory.cluster,
        networks=(*swarm, *local),
        pools=tuple(_pools(state, inventory)),
        failures=state.failures,
    )


@dataclass(frozen=True)
class _Reader:
    state: ClusterState

    def of_swarm(self, network: Network) -> NetworkAddresses:
        """Return the addresses of a network of the swarm, from the managers' lists."""
        name = network.spec.name
        tasks = [task for task in self.state.tasks if task.state not in ENDED and name in task.networks]
        return NetworkAddresses(
            network=name,
            driver=network.spec.driver,
            subnets=tuple(block.subnet for block in network.spec.subnets),
            total=capacity(network.spec.subnets),
            uses=(
                *_gateways(network),
                *self._virtual(name),
                *self._tasks(tasks, name),
                *self._balancers(network, tasks),
            ),
            waiting=0 if network.spec.is_by_host else self._waiting(name),
        )

    def _virtual(self, network: str) -> Iterator[AddressUse]:
        for service in sorted(self.state.services, key=lambda one: one.spec.name):
            if network in service.virtual_ips:
                address = _bare(service.virtual_ips[network])
                yield AddressUse(kind=UseKind.VIRTUAL, who=service.spec.name, address=address)

    def _tasks(self, tasks: Iterable[Task], network: str) -> Iterator[AddressUse]:
        found = [
            AddressUse(
                kind=UseKind.CONTAINER if task.service_id is None else UseKind.TASK,
                who=self._name(task),
                host=self._host(task.node_id),
                address=_bare(address),
            )
            for task in tasks
            for address in task.networks[network]
        ]
        yield from sorted(found, key=lambda one: (one.kind.value, one.who, one.address or ""))

    def _balancers(self, network: Network, tasks: Iterable[Task]) -> Iterator[AddressUse]:
        """Yield one address for each node with a task: the engine balances there; of the ingress network all nodes."""
        if network.spec.driver != "overlay":
            return
        nodes = {task.node_id for task in tasks} - {None}
        if network.spec.ingress:
            nodes = {node.id for node in self.state.nodes}
        names = sorted(self._host(node) or str(node) for node in nodes)
        yield from (AddressUse(kind=UseKind.BALANCER, who=network.spec.name, host=name) for name in names)

    def _waiting(self, network: str) -> int:
        on = {
            service.id
            for service in self.state.services
            if any(one.network == network for one in service.spec.networks or ())
        }
        return sum(
            task.service_id in on
            and task.desired_state == "running"
            and task.state not in ENDED
            and not task.networks.get(network)
            for task in self.state.tasks
        )

    def _name(self, task: Task) -> str:
        if task.service_id is None:
            known = (one.name for facts in self.state.hosts for one in facts.containers if one.id == task.container_id)
            return next(known, (task.container_id or task.id)[:12])
        service = next((one.spec.name for one in self.state.services if one.id == task.service_id), task.service_id)
        return f"{service}.{task.slot or self._host(task.node_id) or task.id}"

    def _host(self, node_id: str | None) -> str | None:
        """Return the name of a node in the inventory, or the name that it has itself."""
        known = (facts.host for facts in self.state.hosts if facts.engine.membership.node_id == node_id)
        node = None if node_id is None else self.state.node(node_id)
        return next(known, None if node is None else node.name) if node_id else None


def _of_host(facts: HostFacts) -> Iterator[NetworkAddresses]:
    """Yield the local networks of a host; of the tasks' way out, managers and engines list no addresses."""
    for network in facts.networks:
        if not network.spec.subnets or network.spec.config_only or network.spec.name == GATEWAY:
            continue
        uses = sorted(
            (
                AddressUse(kind=UseKind.CONTAINER, who=one.name, host=facts.host, address=_bare(end.address))
                for one in facts.containers
                for end in one.endpoints
                if end.network == network.spec.name and end.address
            ),
            key=lambda use: use.who,
        )
        yield NetworkAddresses(
            network=network.spec.name,
            driver=network.spec.driver,
            host=facts.host,
            subnets=tuple(block.subnet for block in network.spec.subnets),
            total=capacity(network.spec.subnets),
            uses=(*_gateways(network), *uses),
        )


def _gateways(network: Network) -> Iterator[AddressUse]:
    for block in network.spec.subnets:
        if block.gateway is not None:
            yield AddressUse(kind=UseKind.GATEWAY, who=network.spec.name, address=block.gateway)


def _pools(state: ClusterState, inventory: Inventory) -> Iterator[PoolAddresses]:
    taken = [*taken_blocks(state, (), "")]
    for pool in inventory.address_pools:
        yield _pool(pool, "inventory", taken)
    if state.swarm is None:
        return
    spec = state.swarm.spec
    own = spec.default_addr_pool or (_SWARM_POOL.cidr,)
    size = (spec.subnet_size if spec.default_addr_pool else None) or _SWARM_POOL.size  # ignored without a pool
    for cidr in own:
        yield _pool(AddressPool(cidr=cidr, size=max(size, ipaddress.ip_network(cidr).prefixlen)), "swarm", taken)


def _pool(pool: AddressPool, origin: str, taken: list[Taken]) -> PoolAddresses:
    whole = ipaddress.ip_network(pool.cidr)
    found = free_block([pool], taken, "auto", whole.version)
    return PoolAddresses(
        cidr=pool.cidr,
        size=pool.size,
        origin=origin,
        blocks=1 << (pool.size - whole.prefixlen),
        used=_used(pool, taken),
        next=None if found is None else found.subnet,
    )


def _used(pool: AddressPool, taken: Iterable[Taken]) -> int:
    """Return how many blocks of a pool something overlaps."""
    whole = ipaddress.ip_network(pool.cidr)
    start, width = int(whole.network_address), 1 << (whole.max_prefixlen - pool.size)
    spans = []
    for one in taken:
        block = ipaddress.ip_network(one.block, strict=False)
        if block.version == whole.version and block.overlaps(whole):
            first, last = int(block.network_address), int(block.broadcast_address)
            spans.append((max(first - start, 0) // width, min(last - start, whole.num_addresses - 1) // width))
    count, reached = 0, -1
    for begin, end in sorted(spans):
        count += max(end - max(begin, reached + 1) + 1, 0)
        reached = max(reached, end)
    return count


def _bare(address: str) -> str:
    return address.partition("/")[0]
