"""What is where: networks, their members, names and ports, in one view of the managers and of all hosts. Pure.

Managers know tasks and their addresses on networks of the swarm; each host knows its own networks and containers. Here
both are one picture, for people, for JSON and for drawings.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.network import Scope
from swarmnet.model.service import EndpointMode, PublishMode
from swarmnet.model.service_mounts import MountType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.network import Network
    from swarmnet.model.service import Service, Task
    from swarmnet.model.state import ClusterState, Container, HostFacts
    from swarmnet.model.volume import Volume

STACK_LABEL = "com.docker.stack.namespace"
"""Label by which `docker stack` knows its own."""
_ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})


@dataclass(frozen=True, slots=True)
class Member:
    """One address on one network."""

    kind: str
    """task, container, or vip: the virtual address of a service."""
    name: str
    host: str | None
    """None for a virtual address, which is on every node with a task or a client."""
    service: str | None
    address: str
    """Without a prefix length; empty where it is not known."""
    names: tuple[str, ...]
    """What it is found by on this network."""
    mac: str | None
    state: str


@dataclass(frozen=True, slots=True)
class Place:
    """One network, of the swarm or of one host, and who is on it."""

    network: Network
    host: str | None
    members: tuple[Member, ...]

    @property
    def scope(self) -> Scope:
        """Where the network is."""
        return Scope.SWARM if self.host is None else Scope.LOCAL


@dataclass(frozen=True, slots=True)
class Publication:
    """A port of hosts that leads to a service."""

    port: int | None
    """None until the engine has chosen one."""
    protocol: str
    mode: PublishMode
    target: int
    service: str
    hosts: tuple[str, ...]
    """Of host mode, those with a task; none means every node."""


@dataclass(frozen=True, slots=True)
class Storage:
    """One named volume on one host, and what uses it."""

    volume: Volume
    host: str
    services: tuple[str, ...]
    """Services that mount a volume of this name, whether or not a task of theirs is on the host."""
    containers: tuple[str, ...]
    """Containers of the host that mount it, tasks and stopped ones included."""
    size: int | None = None
    """Bytes; None where they were not counted."""

    @property
    def is_dangling(self) -> bool:
        """True where nothing mounts it."""
        return not self.services and not self.containers


@dataclass(frozen=True, slots=True)
class Topology:
    """The whole picture."""

    state: ClusterState
    places: tuple[Place, ...]
    ports: tuple[Publication, ...]
    volumes: tuple[Storage, ...] = ()

    @property
    def hosts(self) -> dict[str, str]:
        """The name of each node, by its id."""
        return _names(self.state)

    def tasks(self, service: Service) -> tuple[Task, ...]:
        """Return the tasks of a service that run or come, by slot and node."""
        found = (one for one in self.state.tasks if one.service_id == service.id and one.state not in _ENDED)
        return tuple(sorted(found, key=lambda one: (one.slot or 0, one.node_id or "", one.id)))


def topology(state: ClusterState, sizes: Mapping[str, Mapping[str, int]] | None = None) -> Topology:
    """Return the picture of what was seen; ``state`` has the containers of all hosts.

    ``sizes`` is the bytes of volumes, by host and name, as far as they were counted.
    """
    swarm = (Place(net, None, tuple(_of_swarm(net, state))) for net in state.networks if not net.is_copy)
    local = (
        Place(net, facts.host, tuple(_of_containers(net, facts))) for facts in state.hosts for net in facts.networks
    )
    places = sorted((*swarm, *local), key=lambda one: (one.network.spec.name, one.host or ""))
    ports = sorted(_ports(state), key=lambda one: (one.port or 0, one.protocol, one.service))
    volumes = sorted(_volumes(state, sizes or {}), key=lambda one: (one.volume.spec.name, one.host))
    return Topology(state, tuple(places), tuple(ports), tuple(volumes))


def tasks_on(state: ClusterState, network: str) -> dict[str, dict[str, int]]:
    """Return the services on a network of the swarm, and how many of their tasks run on which host."""
    names = _names(state)
    found: dict[str, dict[str, int]] = {}
    for service in sorted(state.services, key=lambda one: one.spec.name):
        if any(one.network == network for one in service.spec.networks or ()):
            running = (one for one in state.tasks if one.service_id == service.id and one.state == "running")
            hosts = (names.get(one.node_id or "") for one in running if network in one.networks)
            found[service.spec.name] = dict(Counter(host for host in hosts if host is not None))
    return found


def task_name(task: Task, service: str, names: dict[str, str]) -> str:
    """Return what to call a task: its slot, or its node for a service with one on each."""
    return f"{service}.{task.slot or names.get(task.node_id or '', task.id)}"


def _names(state: ClusterState) -> dict[str, str]:
    hosts = {facts.engine.membership.node_id: facts.host for facts in state.hosts}
    return {node.id: hosts.get(node.id, node.name) for node in state.nodes}


def _of_swarm(net: Network, state: ClusterState) -> Iterator[Member]:
    name, names = net.spec.name, _names(state)
    for service in sorted(state.services, key=lambda one: one.spec.name):
        found = (one for one in state.tasks if one.service_id == service.id and one.state not in _ENDED)
        if name in service.virtual_ips:
            called = (service.spec.name, *_aliases(service, name))
            vip = _bare(service.virtual_ips[name])
            yield Member("vip", service.spec.name, None, service.spec.name, vip, called, None, "")
        for one in found:
            if name in one.networks:
                yield _task(one, service, net, names)
    for facts in state.hosts:
        yield from _of_containers(net, facts)


def _task(task: Task, service: Service, net: Network, names: dict[str, str]) -> Member:
    network = net.spec.name
    direct = service.spec.endpoint_mode is EndpointMode.DNSRR
    called = (service.spec.name, *_aliases(service, network)) if direct else ()
    called = (*called, f"tasks.{service.spec.name}") if not net.spec.is_by_host else ()
    address = ", ".join(_bare(one) for one in task.networks[network])
    host = names.get(task.node_id or "")
    return Member(
        kind="task",
        name=task_name(task, service.spec.name, names),
        host=host,
        service=service.spec.name,
        address=address,
        names=called,
        mac=None,
        state=task.state,
    )


def _aliases(service: Service, network: str) -> tuple[str, ...]:
    """Return the aliases of a service on a network; the API takes an empty one, which no one can ask for."""
    found = (name for one in service.spec.networks or () if one.network == network for name in one.aliases or ())
    return tuple(name for name in found if name)


def _of_containers(net: Network, facts: HostFacts) -> Iterator[Member]:
    """Yield the containers of a host on a network; the swarm's own tasks on its networks are the managers' to tell."""
    for one in facts.containers:
        for endpoint in one.endpoints:
            if endpoint.network == net.spec.name and not (one.service and net.spec.effective_scope is Scope.SWARM):
                yield _container(one, facts.host, endpoint.aliases, endpoint.address, endpoint.mac)


def _container(one: Container, host: str, aliases: tuple[str, ...], address: str, mac: str | None) -> Member:
    names = tuple(dict.fromkeys((one.name, *(name for name in aliases if not one.id.startswith(name)))))
    state = "running" if one.running else "stopped"
    return Member("container", one.name, host, one.service, _bare(address), names, mac, state)


def _ports(state: ClusterState) -> Iterator[Publication]:
    names = _names(state)
    for service in state.services:
        meshed = [one for one in service.effective_ports if one.mode is PublishMode.INGRESS]
        for one in meshed:
            yield Publication(one.published, one.protocol, one.mode, one.target, service.spec.name, ())
        held: dict[tuple[int | None, str, int], list[str]] = {
            (one.published, str(one.protocol), one.target): []
            for one in service.spec.ports or ()
            if one.mode is PublishMode.HOST and one.published is not None
        }
        for task in state.tasks:
            if task.service_id == service.id and task.state not in _ENDED:
                for port in (one for one in task.published if one.mode is PublishMode.HOST):
                    host = names.get(task.node_id or "", "?")
                    held.setdefault((port.published, str(port.protocol), port.target), []).append(host)
        for (number, protocol, target), hosts in held.items():
            where = tuple(sorted(set(hosts)))
            yield Publication(number, protocol, PublishMode.HOST, target, service.spec.name, where)


def _volumes(state: ClusterState, sizes: Mapping[str, Mapping[str, int]]) -> Iterator[Storage]:
    users: dict[str, set[str]] = {}
    for service in state.services:
        for mount in service.spec.mounts or ():
            if mount.type is MountType.VOLUME and mount.source is not None:
                users.setdefault(mount.source, set()).add(service.spec.name)
    for facts in state.hosts:
        for volume in facts.volumes or ():
            name = volume.spec.name
            yield Storage(
                volume,
                facts.host,
                services=tuple(sorted(users.get(name, ()))),
                containers=tuple(sorted(one.name for one in facts.containers if name in one.volumes)),
                size=sizes.get(facts.host, {}).get(name),
            )


def _bare(address: str) -> str:
    return address.partition("/")[0]
