"""Which of the selected hosts are in the swarm, which are not, and which left dead entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.state import SwarmStanding
from swarmnet.model.trust import may_have_been
from swarmnet.operations.swarm.actions import is_dead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.hosts import Host
    from swarmnet.model.state import HostFacts
    from swarmnet.model.swarm import Node
    from swarmnet.operations.kind import Context


@dataclass(frozen=True, slots=True)
class Members:
    """The selected hosts that answered, by their membership in the observed swarm."""

    inside: tuple[tuple[Host, Node], ...]
    outside: tuple[tuple[Host, HostFacts], ...]
    """Hosts to join, without the one on which the swarm is created."""
    beginning: Host | None
    """The host on which the swarm is created, or None if there is a swarm."""
    dead: Mapping[str, tuple[Node, ...]]
    """The dead entries of each host: same hostname or none, same address, another node id."""
    leaving: tuple[tuple[Host, HostFacts, Node | None], ...]
    """Hosts that the inventory does not want in the swarm, and that are in it or were before."""
    nobodys: tuple[Node, ...]
    """Entries without name and address, left by joins that ended early, that do not belong to any host."""

    @property
    def joining(self) -> tuple[Host, ...]:
        """All hosts that become members."""
        first = () if self.beginning is None else (self.beginning,)
        return (*first, *(host for host, _facts in self.outside))

    @classmethod
    def of(cls, context: Context) -> Members:
        """Return the membership of the context's hosts."""
        state = context.state
        beginning = context.inventory.managers[0] if state.swarm is None and context.inventory.managers else None
        inside: list[tuple[Host, Node]] = []
        outside: list[tuple[Host, HostFacts]] = []
        leaving: list[tuple[Host, HostFacts, Node | None]] = []
        dead: dict[str, tuple[Node, ...]] = {}
        for host in context.hosts:
            facts, node = state.facts(host.name), state.node_of(host.name)
            if facts is None:
                continue
            if host.role is None:
                leaving.append((host, facts, node))
            elif node is not None:
                inside.append((host, node))
            elif facts.engine.membership.state is SwarmStanding.INACTIVE and host != beginning:
                outside.append((host, facts))
            if host.role is not None and (left := left_behind(host, facts, context)):
                dead[host.name] = left
        return cls(tuple(inside), tuple(outside), beginning, dead, tuple(leaving), _nobodys(context))


def left_behind(host: Host, facts: HostFacts, context: Context) -> tuple[Node, ...]:
    """Return the dead entries that the host left in the list when it rejoined, or leaves when it rejoins.

    Managers report such an entry as ready or unknown for up to 20 s after its host was rebuilt. It is dead all the
    same if the engine at its address says that it is in no swarm, or is another node of this one. That is only the
    host's own word, so an entry that may belong to another host does not count.
    """
    state = context.state
    addresses = {host.address, host.advertise, *facts.addresses}
    own = facts.engine.membership
    is_another = own.state is SwarmStanding.INACTIVE or state.node_of(host.name) is not None
    return tuple(
        node
        for node in state.nodes
        if node.hostname in ("", facts.engine.hostname) and node.id != own.node_id and (is_another or is_dead(node))
        if node_address(node) in addresses and may_have_been(host, node, state, context.inventory)
    )


def _nobodys(context: Context) -> tuple[Node, ...]:
    """Return nameless entries that belong to none of the hosts, or nothing while a host does not answer."""
    state = context.state
    if any(state.facts(host.name) is None for host in context.inventory.hosts):
        return ()
    known = {facts.engine.membership.node_id for facts in state.hosts}
    return tuple(
        node
        for node in state.nodes
        if not node.hostname and is_dead(node) and not node_address(node) and node.id not in known
    )


def node_address(node: Node) -> str:
    """Return the IP address of a node; leaders may report 0.0.0.0 for themselves (moby#35437)."""
    return node.address if node.manager_address is None else node.manager_address.rpartition(":")[0].strip("[]")
