"""The user's own services as verify asks them without a playbook: which they are, and which containers ask. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from swarmnet.model.service import Protocol
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.verify.ends import tasks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from swarmnet.model.network import Network
    from swarmnet.model.service import Service, Task
    from swarmnet.model.state import ClusterState
    from swarmnet.verify.ends import End

MOST = 16
"""Containers that are entered on one host; what is only on further networks is not asked there, and reported."""
ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})
"""An engine's words for a task that runs no more; a lost node may have begun what it was last heard to prepare."""
UPDATING = frozenset({"updating", "rollback_started"})
"""An engine's words for a service whose tasks are being replaced."""


def own_services(state: ClusterState) -> tuple[Service, ...]:
    """Return all services but those of this and other verifications, in the order of their names."""
    found = (one for one in state.services if PROBE_LABEL not in one.spec.labels)
    return tuple(sorted(found, key=lambda one: one.spec.name))


def overlays_of(state: ClusterState, chosen: Iterable[Network], *, named: bool) -> tuple[Network, ...]:
    """Return the overlays on which services are asked: those that were ``chosen`` by name, else all."""
    if named:
        return tuple(chosen)
    found = (net for net in state.networks if net.spec.driver == "overlay" and not net.spec.ingress)
    return tuple(sorted((net for net in found if PROBE_LABEL not in net.spec.labels), key=lambda net: net.spec.name))


def running(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """Return the tasks that run and should."""
    return tuple(task for task in tasks if task.runs)


def left_behind(state: ClusterState) -> dict[str, str]:
    """Return the addresses of replaced tasks on nodes that are not ready, each with its host.

    Managers do not reach such a node to stop its tasks. They may run on, and engines that hear its gossip know them.
    """
    hosts = {one.engine.membership.node_id: one.host for one in state.hosts}
    lost = {node.id for node in state.nodes if node.status != "ready" and node.id in hosts}
    return {
        address.partition("/")[0]: hosts[task.node_id]
        for task in state.tasks
        if task.node_id in lost and task.desired_state != "running" and task.state not in ENDED
        for several in task.networks.values()
        for address in several
    }


def by_service(tasks: Iterable[Task]) -> dict[str, list[Task]]:
    """Return tasks by the id of their service."""
    found: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        if task.service_id is not None:
            found[task.service_id].append(task)
    return found


def is_changing(service: Service) -> bool:
    """Return whether tasks of a service are being replaced, so that what is seen of it is old at once."""
    return service.update_state in UPDATING


def moved_services(state: ClusterState, now: Mapping[str, frozenset[str]] | None) -> frozenset[str]:
    """Return the services of which other tasks run ``now``, by id, than when the cluster was observed.

    None means that the managers were not asked again: no service counts as moved.
    """
    if now is None:
        return frozenset()
    before = by_service(running(state.tasks))
    return frozenset(
        service.spec.name
        for service in own_services(state)
        if {task.id for task in before.get(service.id, ())} != now.get(service.id, frozenset())
    )


def receivers(state: ClusterState, hosts: Iterable[str]) -> tuple[End, ...]:
    """Return the running tasks behind UDP ports that services publish, by service, on these hosts; ``MOST`` on each."""
    found: dict[str, list[End]] = {host: [] for host in hosts}
    for service in own_services(state):
        has_udp = any(one.protocol is Protocol.UDP for one in service.all_ports)
        for end in tasks_of(state, service.spec.name) if has_udp else ():
            if end.container and end.host in found and len(found[end.host]) < MOST:
                found[end.host].append(replace(end, watches=True))
    return tuple(end for several in found.values() for end in several)


def dns_servers(service: Service | None) -> tuple[str, ...]:
    """Return the nameservers that a service names for its tasks; none where they have those of their hosts."""
    dns = service.spec.dns if service is not None else None
    return (dns.servers or ()) if dns is not None else ()


def nameservers_of(state: ClusterState, end: End) -> tuple[str, ...]:
    """Return the IPv4 nameservers of its service that a container asks by itself; none where it has no way to any.

    The loopback device is its own, and on internal networks alone nothing outside is to be reached.
    """
    inside = {net.spec.name for net in state.networks if net.spec.internal}
    if not {*end.addresses} - inside:
        return ()
    return tuple(one for one in dns_servers(state.service(end.party)) if ":" not in one and not is_loopback(one))


def is_loopback(server: str) -> bool:
    """Return whether a text is an address of the loopback device."""
    try:
        return ip_address(server).is_loopback
    except ValueError:
        return False


def askers(
    state: ClusterState, networks: Sequence[Network], hosts: Iterable[str], entered: Iterable[End]
) -> tuple[End, ...]:
    """Return few containers that are on each of the networks on each of the hosts that has a task there.

    Services with nameservers of their own have one on each of these hosts. Those that are ``entered`` already come
    first; names are unique on a host.
    """
    wanted = {net.spec.name for net in networks}
    ready = {(end.host, end.name): end for end in entered}
    on_host: dict[str, list[End]] = defaultdict(list)
    for service in own_services(state):
        for end in tasks_of(state, service.spec.name):
            if end.container and wanted & {*end.addresses}:
                on_host[end.host].append(ready.get((end.host, end.name), end))
    found: list[End] = []
    for host in hosts:
        ends = sorted(on_host[host], key=lambda end: ((host, end.name) not in ready, end.name))
        few = _fewest(ends, wanted)
        served = {end.party: end for end in reversed([*few, *ends]) if nameservers_of(state, end)}
        found += [*few, *[end for end in served.values() if end not in few][:MOST]]
    return tuple(found)


def _fewest(ends: list[End], wanted: set[str]) -> list[End]:
    """Return ends that are on all networks that any of them is on: always the one next that is on most of the rest."""
    left = {name for end in ends for name in end.addresses} & wanted
    found: list[End] = []
    while left and len(found) < MOST:
        best = max(ends, key=lambda end: len(left & {*end.addresses}))
        left -= {*best.addresses}
        found.append(best)
    return found
