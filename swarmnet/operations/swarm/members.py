"""Which of the selected hosts are in the swarm, which are not, and which left a dead entry behind."""

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
    """The selected hosts that answered, by how they stand to the observed swarm."""

    inside: tuple[tuple[Host, Node], ...]
    outside: tuple[tuple[Host, HostFacts], ...]
    """Hosts that shall join; without the one that ``swarm init`` makes the first member."""
    beginning: Host | None
    """The host on which the swarm begins, None when there is one."""
    dead: Mapping[str, tuple[Node, ...]]
    """Host name to the entries that it left behind: same hostname or none, same address, other node id."""
    nobodys: tuple[Node, ...]
    """Entries without name and address that joins left which ended early; known to be no host's."""

    @property
    def joining(self) -> tuple[Host, ...]:
        """All hosts that become members."""
        first = () if self.beginning is None else (self.beginning,)
        return (*first, *(host for host, _facts in self.outside))

    @classmethod
    def of(cls, context: Context) -> Members:
        """Return how the context's hosts stand to the swarm of its state."""
        state = context.state
        beginning = context.inventory.managers[0] if state.swarm is None and context.inventory.managers else None
        inside: list[tuple[Host, Node]] = []
        outside: list[tuple[Host, HostFacts]] = []
        dead: dict[str, tuple[Node, ...]] = {}
        for host in context.hosts:
            facts, node = state.facts(host.name), state.node_of(host.name)
            if facts is None:
                continue
            if node is not None:
                inside.append((host, node))
            elif facts.engine.membership.state is SwarmStanding.INACTIVE and host != beginning:
                outside.append((host, facts))
            if left := left_behind(host, facts, context):
                dead[host.name] = left
        return cls(tuple(inside), tuple(outside), beginning, dead, _nobodys(context))


def left_behind(host: Host, facts: HostFacts, context: Context) -> tuple[Node, ...]:
    """Return the dead entries that the host left in the list when it joined anew, or that it leaves when it will.

    Managers call such an entry ready, or unknown, for up to some 20 s after its host was rebuilt. It is dead all the
    same where the engine at its address says that it is in no swarm, or another node of this one. That is the host's
    own word, so an entry that others may be is none of it.
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
    """Return nameless entries, once every host of the inventory has said that it is none of them."""
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
    """Return the IP address that a node is known by; leaders may say 0.0.0.0 of themselves (moby#35437)."""
    return node.address if node.manager_address is None else node.manager_address.rpartition(":")[0].strip("[]")
