"""One host replaces another: it joins with the labels, role and availability of the old one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import RefusedError, UsageError
from swarmnet.model.hosts import Role
from swarmnet.model.state import SwarmStanding
from swarmnet.model.swarm import NodeSpec
from swarmnet.operations.swarm.checks import problems_of_entering
from swarmnet.operations.swarm.departure import Departure
from swarmnet.operations.swarm.joining import join
from swarmnet.operations.swarm.node import change_roles, set_node
from swarmnet.plan.nodes import Member, may_go, may_grow, others_lead, plan_of

if TYPE_CHECKING:
    from swarmnet.model.hosts import Host, Inventory
    from swarmnet.model.plan import Action, Plan
    from swarmnet.model.state import ClusterState


def replaced(name: str, by: str, state: ClusterState, inventory: Inventory, *, force: bool = False) -> Plan:
    """Return the plan in which host ``by`` takes over what ``name`` is in the swarm, and ``name`` leaves it.

    A dead manager loses its vote before the new one joins; one that is alive keeps it until the new one has joined.

    Args:
        name: the host to replace.
        by: the host that takes its place; the same name means that the machine was rebuilt.
        state: what was seen; with ``force``, the old host was not asked.
        inventory: the hosts of the cluster.
        force: True takes the word of the operator that the old host is dead for good.

    Raises:
        UsageError: the new host is not in the inventory.
        RefusedError: the new host does not answer or cannot join, or the old one cannot leave.
    """
    new = inventory.host(by)
    old = Member.named(name, state, inventory)
    if not old.entries or (name == by and old.is_alive):
        return plan_of((), state, inventory)
    if len(old.entries) > 1:
        raise UsageError(f"{name} has several entries in the list of nodes: remove the dead ones first")
    node = old.entry
    taken = new.model_copy(
        update={
            "role": node.spec.role,
            "availability": node.spec.availability,
            "labels": node.spec.labels | new.labels,
        }
    )
    if name != by:
        may_go(old, force=force)
    why = f"{by} replaces {name}"
    departure = Departure(name, old.entries, old.is_alive, why)
    leaving = departure.actions(_joined(taken, state))
    first = tuple(one for one in leaving if one.kind == "node.role") if not old.is_alive else ()
    arriving = (*first, *_arriving(taken, state, why))
    after = state
    for action in first:
        after = action.predict(after)
    if node.spec.role is Role.MANAGER and state.node_of(by) is None:
        may_grow(by, after.model_copy(update={"nodes": tuple(one for one in after.nodes if one.id != node.id)}))
        if old.is_alive:
            may_grow(by, after)
    if name != by:
        others_lead(old, state, inventory)
    return plan_of((*arriving, *(one for one in leaving if one not in first)), state, inventory)


def _arriving(host: Host, state: ClusterState, why: str) -> tuple[Action, ...]:
    """Return what makes the new host a member with its role, availability and labels."""
    facts, node = state.facts(host.name), state.node_of(host.name)
    if facts is None:
        raise RefusedError(f"{host.name} does not answer", hint="bring it up first, or name another host: --with HOST")
    wanted = NodeSpec(availability=host.availability, labels=host.labels)
    if node is not None:
        return (*change_roles([(host, node)], host.role or Role.WORKER), *set_node(host, wanted, node))
    if facts.engine.membership.state is not SwarmStanding.INACTIVE:
        raise RefusedError(
            f"{host.name} is in a swarm already (state: {facts.engine.membership.state})", hint="use another host"
        )
    if problems := tuple(problems_of_entering(host, facts)):
        raise RefusedError(problems[0], details=problems[1:])
    return (join(host, facts, why), *set_node(host, NodeSpec(labels=host.labels), None))


def _joined(host: Host, state: ClusterState) -> ClusterState:
    """Return the state in which the new host is a member, to ask which services have room."""
    for action in _arriving(host, state, ""):
        state = action.predict(state)
    return state
