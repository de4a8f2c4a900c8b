"""Networks that a service asks for: whether they are there, have room for its tasks, and keep its names apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.memory import remembered
from swarmnet.model.plural import count
from swarmnet.operations.network.capacity import Demand, capacity, is_on, needed, others_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from swarmnet.model.network import NetworkSpec
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.kind import Context

PREDEFINED = ("host", "bridge")
"""The swarm's own hidden networks of these names exist on every node (moby networkallocator)."""
SHOWN = 3
"""Services that one warning names."""
ENGINES_SIZE = 24
"""Length of the prefix of the blocks that engines choose, unless ``swarm init`` names another size."""


def network_problems(spec: ServiceSpec, context: Context) -> Iterator[str]:
    """Yield networks that are not there, cannot take a service, or have too few addresses."""
    for one in spec.networks or ():
        yield from _missing(one.network, context)
    for network in _networks(spec, context):
        yield from _room(spec, network, context)


def _networks(spec: ServiceSpec, context: Context) -> tuple[NetworkSpec, ...]:
    """Return the networks that the tasks take addresses of, the ingress network included."""
    return tuple(net.spec for net in context.state.networks if is_on(spec, net.spec))


def network_warnings(spec: ServiceSpec, state: ClusterState) -> Iterator[str]:
    """Yield names that would stand for two services on one network."""
    called = _called(state)
    for mine in spec.networks or ():
        for name in sorted({spec.name, *(mine.aliases or ())}):
            others = [other for other in called.get((mine.network, name), ()) if other != spec.name]
            if others:
                yield (
                    f"service {spec.name}: on network {mine.network} the name {name!r} also stands for"
                    f" {_services(others)}: clients get the addresses of all of them"
                )


def _services(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    more = len(names) - SHOWN
    return f"service {shown}" if len(names) == 1 else f"services {shown}" + (f" and {more} more" if more > 0 else "")


@remembered
def _called(state: ClusterState) -> dict[tuple[str, str], list[str]]:
    """Return the services that a name of a network stands for, in the order of the state."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in state.services:
        for network in one.spec.networks or ():
            for name in {one.spec.name, *(network.aliases or ())}:
                found.setdefault((network.network, name), []).append(one.spec.name)
    return found


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


def _room(spec: ServiceSpec, network: NetworkSpec, context: Context) -> Iterator[str]:
    """Yield a network whose addresses do not suffice: tasks without one stay "New" or "Preparing" without a word.

    Services that later steps describe or remove are not counted here; their own steps count this one.
    """
    found = _space(spec, network, context)
    if found is None:
        return
    free, room = found
    if _is_ample(spec, network, context.state, free):
        return
    own = Demand.of(spec, context.state.nodes)
    later = {name for kind, name in context.later if kind == "service"} | {spec.name}
    others, containers = others_on(network, context.state, without=later)
    need = needed((own, *others), containers, network, context.state)
    alone = needed((own,), 0, network, context.state)
    if not own.tasks or need <= free or (alone <= free and need <= _now(network, context)):
        return
    parts = [f"tasks: {own.tasks}, virtual address: {own.virtual}, load balancers: {alone - own.total}"]
    parts += [f"other services: {', '.join(one.name for one in others)}, {_sum(others)}"] if others else []
    parts += [f"containers: {containers}"] if containers else []
    yield (
        f"service {spec.name} needs {count(alone, 'address', 'addresses')} of network"
        f" {network.name} ({'; '.join(parts)}), and {room} has"
        f" {free} to give: the rest would wait without an error; write a larger subnet, or fewer replicas"
    )


def _is_ample(spec: ServiceSpec, network: NetworkSpec, state: ClusterState, free: int) -> bool:
    """Return whether a network has room for all that can be asked of it, whatever the constraints are."""
    if Demand.at_most(spec, state.nodes).total + _most(network, state) <= free:
        return True
    others, containers = others_on(network, state, without={spec.name}, asked=Demand.at_most)
    return needed((Demand.at_most(spec, state.nodes), *others), containers, network, state) <= free


@remembered
def _most(network: NetworkSpec, state: ClusterState) -> int:
    """Return the most addresses that all that is there can ask of a network, with a load balancer on each node."""
    demands, containers = others_on(network, state, asked=Demand.at_most)
    return needed(demands, containers, network, state) + len(state.nodes)


def _now(network: NetworkSpec, context: Context) -> int:
    """Return how many addresses are asked of a network before the plan: what is full already is not refused again."""
    state = context.observed or context.state
    return needed(*others_on(network, state), network, state)


def _sum(demands: Iterable[Demand]) -> str:
    return f"{count(sum(one.total for one in demands), 'address', 'addresses')}"


def room_warnings(spec: ServiceSpec, context: Context) -> Iterator[str]:
    """Yield networks with room for the tasks alone, where an update starts new tasks before it ends old ones."""
    update = spec.update
    if update is None or update.order != "start-first":
        return
    for network in _networks(spec, context):
        found = _space(spec, network, context)
        if found is None:
            continue
        own = Demand.of(spec, context.state.nodes)
        at_once = own.tasks if update.parallelism == 0 else min(update.parallelism or 1, own.tasks)
        others, containers = others_on(network, context.state, without={spec.name})
        left = found[0] - needed((own, *others), containers, network, context.state)
        if 0 <= left < at_once:
            yield (
                f"service {spec.name}: an update starts {count(at_once, 'new task')} before it ends old"
                " ones, and network"
                f" {network.name} ({found[1]}) has {count(left, 'address', 'addresses')} left: they would"
                " wait without an error"
            )


def _space(spec: ServiceSpec, network: NetworkSpec, context: Context) -> tuple[int, str] | None:
    """Return how many addresses a network can give and the words for its blocks, or None if that is not known."""
    if network.driver != "overlay" or not is_on(spec, network):
        return None
    free = capacity(network.subnets)
    if free is not None:
        return free, ", ".join(block.subnet for block in network.subnets if ":" not in block.subnet)
    if network.subnets or network.ipam_driver not in (None, "default"):
        return None
    swarm = None if context.state.swarm is None else context.state.swarm.spec
    size = (swarm.subnet_size if swarm is not None and swarm.default_addr_pool else None) or ENGINES_SIZE
    return max((1 << (32 - size)) - 3, 0), f"the engine's block of /{size}"
