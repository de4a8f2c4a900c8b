"""Whether a run's own addresses fit the tested networks: counted before anything takes one."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from swarmnet.model.network import Network
    from swarmnet.model.state import ClusterState

RESERVED = 3
"""Addresses of a subnet that no endpoint gets: its first, its last, the gateway's."""
ENDED = frozenset({"complete", "failed", "rejected", "remove", "orphaned", "shutdown"})
"""States of tasks that hold no address any more."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one network has left, and what a run would take of it."""

    free: int
    probes: int
    """One for each host, and one more for each that has no endpoint there yet: the node's own, for balancing."""
    service: int
    """The probe service: a task on each host, and the virtual address."""

    @property
    def fits(self) -> bool:
        """True when probes and service fit."""
        return self.probes + self.service <= self.free

    @property
    def fits_probes(self) -> bool:
        """True when the probes alone fit."""
        return self.probes <= self.free


@dataclass(frozen=True, slots=True)
class Rooms:
    """The networks of one run, by how much of it fits them."""

    whole: tuple[Network, ...]
    """Probes and the probe service."""
    tight: tuple[Network, ...] = ()
    """Probes alone."""
    crowded: tuple[Network, ...] = ()
    """Nothing."""
    numbers: Mapping[str, Room] = field(default_factory=dict)
    """The numbers of those that are not whole, by name."""


def rooms(state: ClusterState, networks: Iterable[Network], hosts: Collection[str]) -> Rooms:
    """Sort networks by how much of a run between these hosts fits them."""
    found: dict[bool, list[Network]] = {True: [], False: []}
    whole, numbers = [], {}
    for network in networks:
        room = room_of(state, network, hosts)
        if room is None or room.fits:
            whole.append(network)
            continue
        numbers[network.spec.name] = room
        found[room.fits_probes].append(network)
    return Rooms(tuple(whole), tuple(found[True]), tuple(found[False]), numbers)


def room_of(state: ClusterState, network: Network, hosts: Collection[str]) -> Room | None:
    """Return the network's room for a run; None where its IPv4 subnets are not known."""
    name = network.spec.name
    subnets = [ip_network(part.ip_range or part.subnet) for part in network.spec.subnets]
    sizes = [max(0, one.num_addresses - RESERVED) for one in subnets if isinstance(one, IPv4Network)]
    if not sizes:
        return None
    present = [task for task in state.tasks if name in task.networks and task.state not in ENDED]
    taken = {address.partition("/")[0] for task in present for address in task.networks[name]}
    taken |= {one.virtual_ips[name].partition("/")[0] for one in state.services if name in one.virtual_ips}
    nodes = {task.node_id for task in present if task.node_id}
    own = {node.id for host in hosts if (node := state.node_of(host)) is not None}
    used = len([one for one in taken if ":" not in one]) + len(nodes)
    return Room(free=max(0, sum(sizes) - used), probes=len(own) + len(own - nodes), service=len(own) + 1)


def unused(state: ClusterState, networks: Iterable[Network]) -> frozenset[str]:
    """Return the names of networks that no service is on, and no task or container of one that has not ended."""
    used = {place.network for service in state.services for place in service.spec.networks or ()}
    used |= {name for task in state.tasks if task.state not in ENDED for name in task.networks}
    return frozenset(net.spec.name for net in networks) - used
