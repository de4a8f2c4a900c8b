"""Plans for single nodes: drain, activate, promote, demote, remove, replace. Pure.

Each is planned from what is there, so an interrupted run is finished by running the command again. What the inventory
says otherwise is warned about: the next ``apply`` follows the inventory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import RefusedError
from swarmnet.model.announced_losses import majority
from swarmnet.model.find import called
from swarmnet.model.hosts import NO_ROLE, Availability, Role
from swarmnet.model.plan import Change, Plan
from swarmnet.model.ref import Ref
from swarmnet.model.swarm import NodeSpec
from swarmnet.model.trust import address_of, is_same_name, may_have_been, written
from swarmnet.operations.swarm.actions import ChangeRole, SetNode, is_dead
from swarmnet.operations.swarm.departure import Departure, demote, drain, stopped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.hosts import Host, Inventory
    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState, HostFacts
    from swarmnet.model.swarm import Node


@dataclass(frozen=True, slots=True)
class Member:
    """What is known of a named host: of the inventory, of itself, and of its entries in the list of nodes."""

    name: str
    host: Host | None
    """None for a node that is not a host of the inventory."""
    facts: HostFacts | None
    """None where it does not answer, or was not asked."""
    node: Node | None
    """The node that it says it is."""
    entries: tuple[Node, ...]
    """Its node, or else the entries that it may have left behind."""

    @classmethod
    def named(cls, name: str, state: ClusterState, inventory: Inventory) -> Member:
        """Return the member of this name.

        Raises:
            UsageError: no host of the inventory and no node of the swarm is called so.
        """
        host = called(inventory.hosts, name)
        if host is not None:
            node = state.node_of(name)
            entries = (node,) if node is not None else tuple(_left_behind(host, state, inventory))
            return cls(name, host, state.facts(name), node, entries)
        known = {facts.engine.membership.node_id for facts in state.hosts}
        found = [one for one in state.nodes if one.id not in known]
        found = [one for one in found if one.id == name or is_same_name(one.hostname, name)]
        if not found:
            inventory.host(name)  # raises, and names the hosts
        return cls(name, None, None, None, tuple(found))

    @property
    def entry(self) -> Node:
        """Its one entry.

        Raises:
            RefusedError: it has none, or several.
        """
        if not self.entries:
            raise RefusedError(f"{self.name} is not in the swarm", hint="swarmnet status -i INVENTORY shows what is")
        if len(self.entries) > 1:
            ids = ", ".join(node.id for node in self.entries)
            raise RefusedError(f"{self.name} has several entries in the list of nodes: {ids}", hint="use the id")
        return self.entries[0]

    @property
    def is_alive(self) -> bool:
        """Whether its engine answers, and is in the swarm."""
        return self.node is not None


def _left_behind(host: Host, state: ClusterState, inventory: Inventory) -> Iterator[Node]:
    for node in state.nodes:
        named = is_same_name(node.hostname, host.name) or address_of(node) in written(host)
        if named and may_have_been(host, node, state, inventory):
            yield node


def drained(name: str, state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan that moves all tasks of a node elsewhere; it takes no new ones."""
    member = Member.named(name, state, inventory)
    node = member.entry
    if node.spec.availability is Availability.DRAIN:
        return plan_of((), state, inventory)
    after = _with(state, node, NodeSpec(role=node.spec.role, availability=Availability.DRAIN, labels=node.spec.labels))
    down = stopped(state, after)
    action = drain(name, node, why=f"{name} takes no tasks any more", down=down, alive=member.is_alive)
    return plan_of((action,), state, inventory)


def activated(name: str, state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan that lets a node take tasks again."""
    member = Member.named(name, state, inventory)
    node = member.entry
    if node.spec.availability is Availability.ACTIVE:
        return plan_of((), state, inventory)
    wanted = NodeSpec(availability=Availability.ACTIVE)
    action = _set(member, node, wanted, f"{name} takes tasks again; engines move no running task to it")
    return plan_of((action,), state, inventory)


def promoted(name: str, state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan that makes a worker a manager.

    Raises:
        RefusedError: it does not answer, is not ready, or a manager is unreachable.
    """
    member = Member.named(name, state, inventory)
    node = member.entry
    if node.spec.role is Role.MANAGER:
        return plan_of((), state, inventory)
    if not member.is_alive or node.status != "ready":
        raise RefusedError(
            f"{name} is {node.status if member.is_alive else 'not answering'}: a manager that does not work counts for"
            " the quorum all the same",
            hint=f"bring {name} back first",
        )
    may_grow(name, state)
    return plan_of((_promote(name, node),), state, inventory)


def demoted(name: str, state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan that makes a manager a worker.

    Raises:
        RefusedError: no other manager would be left.
    """
    member = Member.named(name, state, inventory)
    node = member.entry
    if node.spec.role is not Role.MANAGER:
        return plan_of((), state, inventory)
    others_lead(member, state, inventory)
    worker = NodeSpec(role=Role.WORKER, availability=node.spec.availability, labels=node.spec.labels)
    down = stopped(state, _with(state, node, worker))
    action = demote(name, node, why=f"{name} becomes a worker", down=down, alive=member.is_alive)
    return plan_of((action,), state, inventory)


def removed(name: str, state: ClusterState, inventory: Inventory, *, force: bool = False) -> Plan:
    """Return the plan that takes a host out of the swarm: drained, demoted, left, removed from the list.

    Args:
        name: a host of the inventory, or a node of the swarm.
        state: what was seen; with ``force``, the host was not asked.
        inventory: the hosts of the cluster.
        force: True takes the word of the operator that the host is dead for good.

    Raises:
        RefusedError: it does not answer and ``force`` is not given, or no other manager would be left.
    """
    member = Member.named(name, state, inventory)
    if not member.entries and not member.is_alive:
        return plan_of((), state, inventory)
    may_go(member, force=force)
    others_lead(member, state, inventory)
    departure = Departure(name, member.entries, member.is_alive, f"{name} is taken out of the swarm")
    return plan_of(departure.actions(state), state, inventory)


def may_go(member: Member, *, force: bool) -> None:
    """Return when a host can leave, or is known to be dead.

    Raises:
        RefusedError: it cannot; says what to do.
    """
    if member.facts is not None or force:
        return
    if member.host is not None:
        raise RefusedError(
            f"{member.name} does not answer, and so cannot leave the swarm by itself",
            hint="bring it back; or, when it is dead for good, add --force: only its entry is removed then",
        )
    if not all(is_dead(node) for node in member.entries):
        raise RefusedError(
            f"node {member.name} is not in the inventory and its engine still runs: nothing makes it leave",
            hint=f"write it into the inventory with 'role: {NO_ROLE}' and apply, or make it leave there first",
        )


def others_lead(member: Member, state: ClusterState, inventory: Inventory) -> None:
    """Return when another manager that the inventory knows is left without this one.

    Raises:
        RefusedError: none is.
    """
    gone = {node.id for node in member.entries if node.spec.role is Role.MANAGER}
    left = [node for node in _managers(state.nodes) if node.id not in gone]
    if not gone:
        return
    if not left:
        raise RefusedError(
            f"{member.name} is the only manager: without it there is no swarm",
            hint="promote another host first (swarmnet node promote HOST); to end the swarm: swarmnet reset",
        )
    names = {host.name for host in inventory.managers}
    known = {facts.engine.membership.node_id for facts in state.hosts if facts.host in names}
    if not any(node.id in known for node in left):
        others = ", ".join(node.name for node in left)
        raise RefusedError(
            f"{member.name} is the only manager of the inventory that answers; {others} is a worker there, and swarmnet"
            " asks only managers of the inventory",
            hint="write 'role: manager' for one of them in the inventory first",
        )


def may_grow(name: str, state: ClusterState) -> None:
    """Return when one more manager endangers nothing.

    Raises:
        RefusedError: a manager is unreachable; shows the arithmetic.
    """
    managers = _managers(state.nodes)
    reachable = sum(node.reachability == "reachable" for node in managers)
    if reachable < len(managers):
        lost = ", ".join(node.name for node in managers if node.reachability != "reachable")
        more = len(managers) + 1
        raise RefusedError(
            f"{reachable} of {len(managers)} managers are reachable ({lost} is not); with {name} there are {more}, of"
            f" which {majority(more)} must be: a promotion that gets stuck could cost the quorum",
            hint=f"first bring {lost} back, or remove it: swarmnet node remove",
        )


def _promote(name: str, node: Node) -> Action:
    return ChangeRole(
        object=Ref(kind="node", name=name),
        why=f"{name} becomes a manager",
        changes=(Change(path="role", before=str(node.spec.role), after=Role.MANAGER.value),),
        host=name,
        planned_id=node.id,
        spec=NodeSpec(role=Role.MANAGER),
    )


def _set(member: Member, node: Node, wanted: NodeSpec, why: str) -> Action:
    change = Change(path="availability", before=str(node.spec.availability), after=str(wanted.availability))
    return SetNode(
        object=Ref(kind="node", name=member.name),
        why=why,
        changes=(change,),
        host=member.name,
        planned_id=node.id if member.is_alive else "",
        node_id="" if member.is_alive else node.id,
        spec=wanted,
    )


def _with(state: ClusterState, node: Node, spec: NodeSpec) -> ClusterState:
    nodes = tuple(one.model_copy(update={"spec": spec}) if one.id == node.id else one for one in state.nodes)
    return state.model_copy(update={"nodes": nodes})


def _managers(nodes: Iterable[Node]) -> tuple[Node, ...]:
    return tuple(node for node in nodes if node.spec.role is Role.MANAGER)


def plan_of(actions: Iterable[Action], state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan of these actions, with warnings about the quorum and about what the inventory says otherwise."""
    made, predicted = tuple(actions), state
    for action in made:
        predicted = action.predict(predicted)
    warnings = (*_spare(state, predicted), *_otherwise({one.object.name for one in made}, predicted, inventory))
    return Plan(cluster=inventory.cluster, actions=made, warnings=warnings, predicted=predicted)


def _spare(before: ClusterState, after: ClusterState) -> Iterator[str]:
    had, has = len(_managers(before.nodes)), len(_managers(after.nodes))
    if had != has and has:
        lost, could = has - majority(has), had - majority(had)
        yield f"{has} managers survive the loss of {lost}; the {had} of now survive the loss of {could}"


def _otherwise(names: Iterable[str], after: ClusterState, inventory: Inventory) -> Iterator[str]:
    """Yield what the inventory says otherwise of the hosts that a plan changes."""
    for host in inventory.hosts:
        if host.name not in names:
            continue
        node = after.node_of(host.name)
        if node is None:
            gone = not any(is_same_name(one.hostname, host.name) for one in after.nodes)
            if gone and host.role is not None:
                yield _write(host, f"role {host.role}", f"role: {NO_ROLE}", "or take it out of the file")
        elif host.role is not node.spec.role:
            yield _write(host, f"role {host.role or NO_ROLE}", f"role: {node.spec.role}")
        elif host.availability not in (None, node.spec.availability):
            yield _write(host, f"availability {host.availability}", f"availability: {node.spec.availability}")


def _write(host: Host, says: str, what: str, rest: str = "") -> str:
    more = f", {rest}" if rest else ""
    return f"the inventory says {says} for {host.name}, and the next apply follows it: write '{what}'{more}"
