"""Ports that a service asks for and cannot have, or that lead nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.compare import INIT_ONLY
from swarmnet.model.merge import lay
from swarmnet.model.placement import eligible
from swarmnet.model.plural import count
from swarmnet.model.service import EndpointMode, PublishMode, ServiceMode
from swarmnet.operations.service.constraints import wanted_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.service import PublishedPort, ServiceSpec
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.kind import Context

SSH_PORT = 22
HOST_NETWORK = "host"


def key(port: PublishedPort) -> tuple[int | None, str]:
    """Return what two ports have in common that cannot be published at once."""
    return port.published, port.protocol.value


def port_problems(spec: ServiceSpec, context: Context) -> Iterator[str]:
    """Yield ports that others need or have, and those that no packet would reach."""
    yield from _needed(spec, context)
    yield from taken_ports(spec, context.state)
    yield from _unreachable(spec, context.state)
    yield from _start_first(spec, context.state)


def taken_ports(spec: ServiceSpec, state: ClusterState) -> Iterator[str]:
    """Yield ports that services of another name publish already."""
    wanted = {key(port): port for port in spec.ports or () if port.published is not None}
    for other in state.services:
        if other.spec.name == spec.name:
            continue
        for port in other.spec.ports or ():
            mine = wanted.get(key(port))
            # Two in host mode are left to the scheduler, which may place them on different nodes.
            if mine is not None and PublishMode.INGRESS in (mine.mode, port.mode):
                yield f"port {port.published}/{port.protocol} is published by service {other.spec.name} already"


def needed_ports(inventory: Inventory, state: ClusterState) -> Mapping[tuple[int, str], str]:
    """Return the ports that the cluster itself and the way to its hosts need, with who needs them."""
    path = None if state.swarm is None else state.swarm.spec.data_path_port
    needed = {
        (2377, "tcp"): "the managers' own",
        (7946, "tcp"): "the nodes' gossip",
        (7946, "udp"): "the nodes' gossip",
        (path or int(str(INIT_ONLY["data_path_port"])), "udp"): "the overlays' VXLAN",
    }
    ssh: dict[int, list[str]] = {}
    for host in inventory.hosts:
        ssh.setdefault(host.ssh.port or SSH_PORT, []).append(host.name)
    return needed | {(port, "tcp"): f"sshd's on {', '.join(hosts)}" for port, hosts in ssh.items()}


def _needed(spec: ServiceSpec, context: Context) -> Iterator[str]:
    needed = needed_ports(context.inventory, context.state)
    for port in spec.ports or ():
        whose = needed.get((port.published or 0, port.protocol.value))
        if whose is not None:
            yield f"port {port.published}/{port.protocol} cannot be published: it is {whose}; choose another"


def _unreachable(spec: ServiceSpec, state: ClusterState) -> Iterator[str]:
    """Yield ports for which the service has no way in."""
    ports, names = spec.ports or (), {one.network for one in spec.networks or ()}
    if HOST_NETWORK in names and ports:
        yield (
            f"service {spec.name} is on the network of its host, where its program opens its ports itself:"
            " leave 'ports' out, or use an overlay"
        )
    if HOST_NETWORK in names and len(names) > 1:
        others = ", ".join(sorted(names - {HOST_NETWORK}))
        yield (
            f"service {spec.name} is on the network of its host, and a container there can be on no other: take out"
            f" 'host', or {others}"
        )
    if HOST_NETWORK in names:
        return
    internal = [net is not None and net.spec.internal for net in map(state.network, names)]
    if internal and all(internal) and any(port.mode is PublishMode.HOST for port in ports):
        yield (
            f"service {spec.name} publishes a port in host mode, and all its networks are internal: such tasks are not"
            " connected to their host; add a network that is not internal, or publish through the mesh"
        )


def _start_first(spec: ServiceSpec, state: ClusterState) -> Iterator[str]:
    """Yield updates and rollbacks that never end: a new task needs the port that an old one holds on its node."""
    if spec.ports is None and spec.update is None and spec.rollback is None:
        return
    seen = state.service(spec.name)
    whole = spec if seen is None else lay(seen.spec, spec)
    held = _held(whole)
    nodes = len(eligible(whole, state.nodes))
    everywhere = whole.mode is ServiceMode.GLOBAL or 0 < nodes <= (whole.replicas or 1)
    for where, policy in (("an update", whole.update), ("a rollback", whole.rollback)):
        if held and everywhere and policy is not None and policy.order == "start-first":
            yield (
                f"service {spec.name}: {where} starts new tasks first, but port {held[0].published} in host mode is"
                " held by the old ones on every node that may run it: write 'order: stop-first', or publish through the"
                " mesh"
            )


def crowded_ports(spec: ServiceSpec, state: ClusterState) -> Iterator[str]:
    """Yield ports in host mode that more tasks want than there are nodes for them: a node has each port once."""
    for port in _held(spec):
        others = (one.spec for one in state.services if one.spec.name != spec.name)
        holders = [spec, *(one for one in others if key(port) in map(key, _held(one)))]
        nodes = {node.id for one in holders for node in eligible(one, state.nodes)}
        tasks = sum(wanted_tasks(one, state.nodes) for one in holders)
        if nodes and tasks > len(nodes):
            beside = "".join(f" and {one.name}" for one in holders[1:])
            yield (
                f"service {spec.name}{beside}: {tasks} tasks want port {port.published} in host mode, and"
                f" {count(len(nodes), 'node')}"
                f" may run them: {tasks - len(nodes)} will wait for a place"
            )


def open_ports(spec: ServiceSpec, context: Context) -> Iterator[str]:
    """Yield ports that are open on hosts already, by processes or containers that do not belong to a service.

    Hosts that did not answer, or could not say, are not taken for free: nothing is said of them. Where a process holds
    a port of the mesh, the engine logs "failed to create proxy", and its rules send what comes from outside to the
    mesh all the same (seen on 20.10 and 26.1).
    """
    needed = needed_ports(context.inventory, context.state)
    places = {node.id for node in eligible(spec, context.state.nodes)}
    for port in spec.ports or ():
        if port.published is None or key(port) in needed:
            continue
        mesh = port.mode is PublishMode.INGRESS
        holders = {
            facts.host: one.uid
            for facts in context.state.hosts
            for one in facts.open_ports or ()
            if (one.port, one.protocol) == (port.published, port.protocol)
            and (mesh or not places or facts.engine.membership.node_id in places)
        }
        if not holders:
            continue
        named = ", ".join(f"{host} (user id {uid})" for host, uid in holders.items())
        effect = (
            "the routing mesh takes over its connections there"
            if mesh
            else "a task that is placed there fails with 'address already in use'"
        )
        yield (
            f"service {spec.name}: port {port.published}/{port.protocol} is held by another process on {named};"
            f" {effect}. Find it with 'ss -lnp' as root, then stop it or publish another port"
        )


def _held(spec: ServiceSpec) -> list[PublishedPort]:
    """Return the ports that each task holds on its node."""
    return [port for port in spec.ports or () if port.mode is PublishMode.HOST and port.published is not None]


def mesh_problems(spec: ServiceSpec) -> Iterator[str]:
    """Yield what keeps the routing mesh from balancing the service's ports."""
    mesh = [port for port in spec.ports or () if port.mode is PublishMode.INGRESS]
    if spec.endpoint_mode is EndpointMode.DNSRR and mesh:
        yield (
            f"endpoint_mode dnsrr has no address that the routing mesh could balance port {mesh[0].target} to:"
            " publish it with 'mode: host', or use endpoint_mode vip"
        )
