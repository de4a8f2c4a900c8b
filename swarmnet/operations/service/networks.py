"""Networks that a service asks for: whether they are there, have room for its tasks, and keep its names apart."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from swarmnet.model.service import EndpointMode
from swarmnet.operations.service.constraints import eligible, wanted_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.network import NetworkSpec
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.kind import Context

PREDEFINED = ("host", "bridge")
"""The swarm's own hidden networks of these names exist on every node (moby networkallocator)."""


def network_problems(spec: ServiceSpec, context: Context) -> Iterator[str]:
    """Yield networks that are not there, cannot take a service, or have too few addresses."""
    for one in spec.networks or ():
        yield from _missing(one.network, context)
        seen = context.state.network(one.network)
        if seen is not None:
            yield from _room(spec, seen.spec, context.state)


def network_warnings(spec: ServiceSpec, state: ClusterState) -> Iterator[str]:
    """Yield names that would stand for two services on one network."""
    for mine in spec.networks or ():
        for other in state.services:
            theirs = [one for one in other.spec.networks or () if one.network == mine.network]
            if other.spec.name == spec.name or not theirs:
                continue
            names = {spec.name, *(mine.aliases or ())} & {
                other.spec.name,
                *(name for one in theirs for name in one.aliases or ()),
            }
            for name in sorted(names):
                yield (
                    f"service {spec.name}: on network {mine.network} the name {name!r} stands for service"
                    f" {other.spec.name} as well: clients get the addresses of both"
                )


def _missing(name: str, context: Context) -> Iterator[str]:
    state = context.state
    seen = state.network(name)
    if seen is not None:
        if seen.spec.ingress:
            yield f"network {name!r} is the routing mesh's own: publish ports to be on it"
        elif seen.spec.name != name:
            yield f"network {name!r} is written {seen.spec.name!r}"
    elif name == "none":
        yield "services cannot be on network 'none': use an overlay with 'internal: true' to cut them off"
    elif any(net.spec.name == name for facts in state.hosts for net in facts.networks) and name not in PREDEFINED:
        yield f"network {name!r} is local to a host: services need one of the swarm, such as an overlay"
    elif name not in PREDEFINED and ("network", name) not in context.provided:
        known = ", ".join(sorted(net.spec.name for net in state.networks if not net.spec.ingress)) or "none"
        yield f"network {name!r} is not defined: put a 'network' step before, or correct the name (known: {known})"


def _room(spec: ServiceSpec, network: NetworkSpec, state: ClusterState) -> Iterator[str]:
    """Yield a network whose addresses do not suffice: tasks without one stay "New" without a word.

    Each overlay takes one address a node with tasks for its load balancer, and each service one for its virtual
    address. Only the service's own need is counted, so whatever is refused here cannot work.
    """
    blocks = [ipaddress.ip_network(block.subnet) for block in network.subnets if ":" not in block.subnet]
    if network.driver != "overlay" or not blocks:
        return
    free = sum(max(block.num_addresses - 3, 0) for block in blocks)  # network, broadcast and gateway
    nodes = len(eligible(spec, state.nodes))
    tasks = wanted_tasks(spec, state.nodes)
    virtual = 0 if spec.endpoint_mode is EndpointMode.DNSRR else 1
    balancers = min(tasks, nodes)
    if tasks and tasks + virtual + balancers > free:
        subnets = ", ".join(map(str, blocks))
        yield (
            f"service {spec.name} needs {tasks + virtual + balancers} addresses of network {network.name} (tasks:"
            f" {tasks}, virtual address: {virtual}, load balancers: {balancers}), and {subnets} has {free} to give"
        )
