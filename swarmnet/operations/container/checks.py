"""What prevents a place on a network: the container's other networks, the network, its addresses, the engine."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from swarmnet.model.compare import endpoint_changes
from swarmnet.model.fields import needed
from swarmnet.model.network import Network, Scope
from swarmnet.model.version import ApiVersion, first_engine
from swarmnet.operations.network.capacity import ENDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from swarmnet.model.endpoint import EndpointSpec
    from swarmnet.model.plain_container import PlainContainer
    from swarmnet.model.state import ClusterState, Container, HostFacts

UNJOINABLE = ("host", "none")
"""Networks that no container joins later; one that has them joins no other (moby, container_operations.go)."""
DEFAULT = "bridge"
"""The engine's own bridge: it gives no names and no chosen addresses."""


def too_old_for_container(spec: PlainContainer, facts: HostFacts) -> Iterator[str]:
    """Yield the fields of a container that its host's engine is too old for."""
    for field, since, remedy in needed(spec):
        if facts.engine.api < ApiVersion.parse(since):
            yield (
                f"container {spec.name}: {field} needs engine {first_engine(since)}; {facts.host} has"
                f" {facts.engine.version}: upgrade, or {remedy}"
            )


def problems_of_endpoint(
    wanted: EndpointSpec, state: ClusterState, facts: HostFacts, seen: Container | None
) -> Iterator[str]:
    """Yield what prevents a container from being on a network as wanted; ``seen`` None is one that does not exist."""
    if seen is not None:
        yield from _closed(seen, facts)
    network = network_of(state, facts, wanted.network)
    if network is None:
        yield f"network {wanted.network} exists neither on {facts.host} nor in the swarm: write its step before"
        return
    present = () if seen is None else tuple(one for one in seen.endpoints if one.network == wanted.network)
    if not present or any(endpoint_changes(wanted, one.seen_as(wanted)) for one in present):
        yield from _too_old(wanted, facts)
    if in_swarm(network) and not network.spec.attachable:
        yield (
            f"network {wanted.network} is not attachable, so only tasks can join it: write 'attachable: true' in its"
            " step"
        )
        return
    mine = {address for one in present for address in (one.ipv4, one.ipv6, one.address)}
    for address in (wanted.ipv4, wanted.ipv6):
        if address is not None and address not in mine:
            yield from _problems_of_address(address, state, facts, network)


def _closed(seen: Container, facts: HostFacts) -> Iterator[str]:
    for one in seen.endpoints:
        if one.network in UNJOINABLE:
            yield (
                f"container {seen.name} on {facts.host} was started with the network {one.network}, and joins no other:"
                " start it on another one"
            )


def _too_old(wanted: EndpointSpec, facts: HostFacts) -> Iterator[str]:
    for field, since, remedy in needed(wanted):
        if facts.engine.api < ApiVersion.parse(since):
            yield (
                f"{field} of a connection needs engine {first_engine(since)}; {facts.host} has {facts.engine.version}:"
                f" upgrade, or {remedy}"
            )


def network_of(state: ClusterState, facts: HostFacts, name: str) -> Network | None:
    """Return the network that containers of a host find by a name: its own one first."""
    return state.local_network(facts.host, name) or state.network(name)


def in_swarm(network: Network) -> bool:
    """Return whether a network is the swarm's."""
    return network.spec.effective_scope is Scope.SWARM


def _problems_of_address(address: str, state: ClusterState, facts: HostFacts, network: Network) -> Iterator[str]:
    wanted, name = ipaddress.ip_address(address), network.spec.name
    blocks = [ipaddress.ip_network(one.subnet) for one in network.spec.subnets]
    if blocks and not any(wanted in block for block in blocks if block.version == wanted.version):
        listed = ", ".join(str(block) for block in blocks)
        yield f"{address} is not an address of network {name}, which has {listed}"
    elif (user := holder(state, facts, network, address)) is not None:
        yield f"{address} is taken on network {name} by {user}: choose a free one (`swarmnet ipam` shows them)"


def on_several_hosts(places: Iterable[EndpointSpec], state: ClusterState, asking: Sequence[HostFacts]) -> Iterator[str]:
    """Yield the addresses on networks of the swarm that one step asks for on more than one host."""
    for place in places:
        found = ((one, network_of(state, one, place.network)) for one in asking)
        hosts = [one.host for one, network in found if network is not None and in_swarm(network)]
        for address in (place.ipv4, place.ipv6):
            if address is not None and len(hosts) > 1:
                yield (
                    f"{address} on network {place.network} is for one container, and this step asks for it on"
                    f" {', '.join(hosts)}: leave the address out, or write a step for each host"
                )


def holder(state: ClusterState, facts: HostFacts, network: Network, address: str) -> str | None:
    """Return who has an address on a network, as far as it is known.

    Of a network of the swarm engines say only after 20 s that it is not available, and not why (seen on 20.10, 26.1 and
    28.5).
    """
    return next(_holders(state, facts, network, address), None)


def _holders(state: ClusterState, here: HostFacts, network: Network, address: str) -> Iterator[str]:
    name = network.spec.name
    if address in (block.gateway for block in network.spec.subnets):
        yield "its gateway"
    for facts in state.hosts if in_swarm(network) else (here,):
        for one in facts.containers:
            if any(end.network == name and address in (end.address, end.ipv4, end.ipv6) for end in one.endpoints):
                yield f"container {one.name} on {facts.host}"
    if in_swarm(network):
        yield from _holders_in_swarm(state, name, address)


def _holders_in_swarm(state: ClusterState, network: str, address: str) -> Iterator[str]:
    for service in state.services:
        if service.virtual_ips.get(network, "").partition("/")[0] == address:
            yield f"service {service.spec.name}"
    for task in state.tasks:
        addresses = {one.partition("/")[0] for one in task.networks.get(network, ())}
        if address in addresses and task.state not in ENDED:
            yield f"task {task.id[:12]}"
