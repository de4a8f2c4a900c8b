"""Which node a host may be. Pure.

A host is believed about itself alone. What it says that ties it to a node of the cluster (node id, hostname) is held
against the managers' list of nodes and against the inventory, which the host cannot write.

Honest hosts differ, too: they are reached at one address and advertise another one, their names in the inventory are
not their hostnames, leaders report ``0.0.0.0`` for themselves (moby#35437), and a node that is just joining has no
hostname yet. So an address that the inventory gives to the host is proof, an address that no other node has is not, and
only an address of another node is a contradiction.

Where the inventory has a name instead of an address, the address to which that name led counts: the other end of the
SSH connection, or what a manager's resolver says.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from typing import TYPE_CHECKING

from swarmnet.model.hosts import Role
from swarmnet.model.state import SwarmStanding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from swarmnet.model.hosts import Host, Inventory
    from swarmnet.model.state import ClusterState, HostFacts
    from swarmnet.model.swarm import Node, Swarm

    Located = Mapping[str, frozenset[str]]
    """Host name to the addresses to which its name in the inventory led."""

NOWHERE: Located = {}


def contradictions(
    seen: Collection[HostFacts], swarm: Swarm, nodes: Collection[Node], inventory: Inventory, located: Located = NOWHERE
) -> dict[str, str]:
    """Return what contradicts each host, in words that follow its name; a host that names no node is believed.

    Args:
        seen: what hosts report about themselves.
        swarm: what the managers report about the swarm.
        nodes: the managers' list, read after the hosts were asked.
        inventory: what the operator says.
        located: the addresses to which names of the inventory led.
    """
    claims = _claims(seen, nodes)
    found = {}
    for facts in seen:
        why = _foreign(facts, swarm, claims.keys())
        node = claims.get(facts.host)
        if why is None and node is not None:
            why = misfit(inventory.host(facts.host), facts, node, nodes, inventory, located)
        if why is not None:
            found[facts.host] = why
    placed = {host for host in claims if host not in found}
    for host, node in claims.items():
        if host in placed and (why := _could_be_lost(inventory.host(host), node, placed, inventory, located)):
            found[host] = why
    return found | dict(_shared([facts for facts in seen if facts.host not in found]))


def on_their_word(
    seen: Collection[HostFacts], nodes: Collection[Node], inventory: Inventory, located: Located = NOWHERE
) -> tuple[str, ...]:
    """Return the workers of which neither an address nor a name says which node they are, only they themselves."""
    return tuple(
        host
        for host, node in _claims(seen, nodes).items()
        if inventory.host(host).role is not Role.MANAGER
        and not is_same_name(node.hostname, host)
        and address_of(node) not in (None, *places(inventory.host(host), located))
    )


def _claims(seen: Iterable[HostFacts], nodes: Iterable[Node]) -> dict[str, Node]:
    by_id = {node.id: node for node in nodes}
    return {facts.host: by_id[_id(facts)] for facts in seen if _id(facts) in by_id}


def misfit(
    host: Host,
    facts: HostFacts,
    node: Node,
    nodes: Iterable[Node],
    inventory: Inventory,
    located: Located = NOWHERE,
) -> str | None:
    """Return why the host is not the node, in words that follow its name, or None when nothing contradicts it."""
    claim = f"says that it is node {node.id}"
    if node.hostname and not is_same_name(node.hostname, facts.engine.hostname):
        listed = f"the managers list that node as {node.hostname}, and learn of a new hostname within a minute"
        return f"{claim} and is called {facts.engine.hostname}; {listed}"
    if address_of(node) in places(host, located):
        return None
    others = tuple(other for other in nodes if other.id != node.id)
    why = _elsewhere(host, node, others, inventory, located) or _called_otherwise(host, node, others, inventory)
    return None if why is None else f"{claim}{why}"


def _elsewhere(host: Host, node: Node, others: Iterable[Node], inventory: Inventory, located: Located) -> str | None:
    """Return which host has the node's address, or which node has the host's."""
    at, own = address_of(node), places(host, located)
    if at is None:
        return None
    if owner := next((other for other in inventory.hosts if at in places(other, located)), None):
        return f", which the managers list at {at}: that is the address of {owner.name} in the inventory"
    if twin := next((other for other in others if _stands_there(other, own, node)), None):
        return f"; the managers list node {twin.id} at its address in the inventory, {address_of(twin)}"
    return None


def _called_otherwise(host: Host, node: Node, others: Iterable[Node], inventory: Inventory) -> str | None:
    """Return which host has the name of the node, or which node has that of the host: where no address decides."""
    if is_same_name(node.hostname, host.name):
        return None
    cure = f"if it is right, write 'advertise: {address_of(node) or 'ADDRESS'}' for {host.name} in the inventory"
    if namesake := next((other for other in others if is_same_name(other.hostname, host.name)), None):
        return f", which the managers list as {node.hostname}; the node called {host.name} is {namesake.id}: {cure}"
    if any(is_same_name(node.hostname, other.name) for other in inventory.hosts):
        return f", which the managers list as {node.hostname}, another host of the inventory: {cure}"
    return None


def written(host: Host) -> frozenset[str]:
    """Return the addresses that the inventory itself gives to a host; names and interfaces are none."""
    found = (_literal(text) for text in (host.address, host.advertise))
    return frozenset(text for text in found if text is not None)


def places(host: Host, located: Located) -> frozenset[str]:
    """Return the addresses of a host that do not come from itself: the inventory's, else those its name led to."""
    return written(host) or located.get(host.name, frozenset())


def address_of(node: Node) -> str | None:
    """Return where the managers see a node; None where they do not say (``0.0.0.0``, a node that never reported)."""
    address = _literal(node.address)
    return None if address is None or ip_address(address).is_unspecified or ip_address(address).is_loopback else address


def is_same_name(one: str, other: str) -> bool:
    """Return whether two hostnames can be of one host: case is ignored, and so is a domain that one of them lacks."""
    left, right = one.lower().rstrip("."), other.lower().rstrip(".")
    if not left or not right:
        return False
    return left == right or left.startswith(f"{right}.") or right.startswith(f"{left}.")


def may_have_been(host: Host, node: Node, state: ClusterState, inventory: Inventory) -> bool:
    """Return whether this host can have left behind an entry without a living host, by what other hosts report."""
    taken = {_id(facts) for facts in state.hosts if facts.host != host.name}
    if node.id in taken:
        return False
    at = address_of(node)
    if at is None or at in written(host):
        return True
    others = (other for other in inventory.hosts if other.name != host.name)
    return is_same_name(node.hostname, host.name) and not any(at in written(other) for other in others)


def _foreign(facts: HostFacts, swarm: Swarm, known: Collection[str]) -> str | None:
    membership = facts.engine.membership
    if membership.state is not SwarmStanding.ACTIVE or membership.error:
        return None
    if membership.cluster_id not in ("", swarm.id):
        return f"is in another swarm, {membership.cluster_id}; the managers of the inventory answer for {swarm.id}"
    if facts.host not in known:
        return (
            f"is in another swarm, or was removed from this one: its node {membership.node_id} is not among those of"
            f" {swarm.id}"
        )
    return None


def _stands_there(other: Node, addresses: Collection[str], node: Node) -> bool:
    """Return whether another node has one of the addresses; an entry left behind by the same machine does not count."""
    left_behind = other.status != "ready" and is_same_name(other.hostname, node.hostname)
    return address_of(other) in addresses and not left_behind


def _could_be_lost(
    host: Host, node: Node, placed: Collection[str], inventory: Inventory, located: Located
) -> str | None:
    """Return which manager of the inventory the node may be instead, when only a worker's word says that it is not."""
    if host.role is Role.MANAGER or node.spec.role is not Role.MANAGER or address_of(node) in places(host, located):
        return None
    lost = [one.name for one in inventory.managers if one.name not in placed]
    if not lost or is_same_name(node.hostname, host.name):
        return None
    return (
        f"says that it is node {node.id}, a manager, which may be {' or '.join(lost)}: no node is known as that one;"
        f" 'advertise: ADDRESS' for {host.name} in the inventory tells them apart"
    )


def _shared(seen: Collection[HostFacts]) -> Iterator[tuple[str, str]]:
    """Yield the hosts that say that they are one and the same node."""
    for node, count in Counter(_id(facts) for facts in seen).items():
        hosts = [facts.host for facts in seen if _id(facts) == node]
        for host in hosts if node and count > 1 else ():
            also = ", ".join(other for other in hosts if other != host)
            yield host, f"says that it is node {node}, and so does {also}: copies, or one machine with two names"


def _id(facts: HostFacts) -> str:
    """Return which node a host says that it is, whatever else it says: the same host reports its state."""
    return facts.engine.membership.node_id


def _literal(text: str | None) -> str | None:
    try:
        return None if not text else str(ip_address(text.partition("%")[0]))
    except ValueError:
        return None
