"""The plan that brings a swarm back from one manager when a majority of them is gone for good. Pure.

Managers that were lost still hold the old swarm on their disks. Two of three that start again elect a leader among
themselves: from then on there are two swarms with one id, and hosts in each. So every manager that answers leaves the
old one, and each that does not must be named as lost by the operator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.errors import RefusedError, UsageError
from swarmnet.model.announced_losses import Left, are, both, majority
from swarmnet.model.hosts import Role
from swarmnet.model.plan import Plan
from swarmnet.model.ref import Ref
from swarmnet.model.state import SwarmStanding
from swarmnet.operations.addresses import advertise_of, data_path_of
from swarmnet.operations.swarm.joining import join
from swarmnet.operations.swarm.recover import (
    ArchiveSwarm,
    LeaveOldSwarm,
    RecoverSwarm,
    RemoveLostManager,
    asks_for_autolock,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.hosts import Host, Inventory
    from swarmnet.model.plan import Action
    from swarmnet.model.raft_log import Position
    from swarmnet.model.state import ClusterState, HostFacts, SwarmMembership
    from swarmnet.model.swarm import Node
    from swarmnet.operations.swarm.leave import Leave

STARTS_AGAIN = "cut each off before it starts again, then run the same command again, which makes it leave"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator asks for."""

    survivor: str
    """Name of the host that the swarm begins again from."""
    lost: frozenset[str] = frozenset()
    """Names of the managers that the operator knows to be dead for good."""
    archive: str | None = None
    """File for the survivor's state as it is now; None where the operator wants none."""
    is_copied: bool = False
    """True where its state is in an archive already."""
    data_path: str | None = None
    """The survivor's address for VXLAN as its engine keeps it, empty where it has none of its own; None: not known."""
    logs: Mapping[str, Position] = field(default_factory=dict)
    """Where the logs of the managers that are left end, by host; those that could not be read are missing."""


def recovered(wish: Wish, state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan; it is empty when the survivor answers for the swarm and no manager holds an older state of it.

    Args:
        wish: what the operator asks for.
        state: what was seen, the cluster as the survivor alone reports it.
        inventory: the hosts.

    Raises:
        UsageError: the survivor is not a manager of the inventory.
        RefusedError: a majority answers, or could; the survivor holds no swarm; a silent manager is not named as lost.
    """
    if inventory.host(wish.survivor).role is not Role.MANAGER:
        raise UsageError(f"{wish.survivor} is not a manager in {inventory.source}", hint="name one with --from")
    facts = _holder(wish, state)
    begun = state.swarm is not None
    if not begun:
        _majority_is_gone(wish, facts, state, inventory)
        _can_begin(wish, facts, state)
        _is_newest(wish)
    stale = tuple(_stale(wish, state, inventory))
    actions = (
        *(() if begun else _beginning(wish, facts, inventory)),
        *_departures(stale),
        *_removals(wish, facts, state, inventory),
        *_returns(wish, stale, state, inventory),
    )
    predicted = state
    for action in actions:
        predicted = action.predict(predicted)
    warnings = tuple(_warnings(wish, state, inventory, stale)) if actions else ()
    return Plan(cluster=inventory.cluster, actions=actions, warnings=warnings, predicted=predicted)


def _holder(wish: Wish, state: ClusterState) -> HostFacts:
    """Return the survivor, which must hold the swarm's state and have it open."""
    facts = state.facts(wish.survivor)
    if facts is None:
        raise RefusedError(f"{wish.survivor} {state.silence(wish.survivor)}", hint="name another manager with --from")
    membership = facts.engine.membership
    if membership.state is SwarmStanding.LOCKED:
        raise RefusedError(
            f"{wish.survivor} is locked", hint="first unlock it: swarmnet unlock -i INVENTORY --key-file FILE"
        )
    if membership.state is SwarmStanding.INACTIVE or not membership.node_id:
        raise RefusedError(
            f"{wish.survivor} is in no swarm: it holds nothing to recover from",
            hint="name another manager with --from, or restore a backup: swarmnet restore plan latest -i INVENTORY",
        )
    return facts


def _majority_is_gone(wish: Wish, facts: HostFacts, state: ClusterState, inventory: Inventory) -> None:
    answers = [one.host for one in state.hosts if one.engine.membership.is_manager and one.host != wish.survivor]
    if answers:
        raise RefusedError(
            f"{both(answers)} {'answers' if len(answers) == 1 else 'answer'} for the swarm: its majority is there",
            hint=f"bring {wish.survivor} back to the others: look at 2377/tcp between them, restart its engine",
        )
    left = Left.of(state, inventory)
    could = [*left.working, *left.locked, *left.broken]
    if len(could) >= majority(left.total):
        raise RefusedError(
            f"{are(could, 'there')}, {len(could)} of {left.total} managers, which is a majority",
            hint="bring these back first: swarmnet status -i INVENTORY says how",
        )
    unnamed = [one for one in inventory.managers if state.facts(one.name) is None and one.name not in wish.lost]
    if unnamed:
        reasons = {one.host: one.reason for one in state.failures}
        flags = " ".join(f"--lost {one.name}" for one in unnamed)
        raise RefusedError(
            "managers that do not answer may be alive, and then there would be two swarms:",
            details=(f"- {one.name}: {reasons.get(one.name, 'it was not asked')}" for one in unnamed),
            hint=f"when they are dead for good, or switched off, add {flags}",
        )
    if not facts.engine.membership.error and facts.engine.membership.state is SwarmStanding.ACTIVE:
        raise RefusedError(
            f"{wish.survivor} is a worker of the swarm: it does not hold its state",
            hint="name a manager with --from, or restore a backup",
        )


def _is_newest(wish: Wish) -> None:
    """Return when no other log that could be read is newer than the survivor's."""
    own = wish.logs.get(wish.survivor)
    best = max(wish.logs, key=lambda host: wish.logs[host], default=wish.survivor)
    if own is not None and wish.logs[best] > own:
        raise RefusedError(
            f"{best} holds a newer log of the swarm than {wish.survivor}: {wish.logs[best]} against {own}",
            hint=f"begin with --from {best}",
        )


def _can_begin(wish: Wish, facts: HostFacts, state: ClusterState) -> None:
    """Return when the engine can begin its swarm again: that request has no room for the key of an autolocked one."""
    asked = asks_for_autolock(wish.survivor, facts.engine.data_root)
    code = state.exit_code(wish.survivor, asked.argv)
    if code == 0:
        raise RefusedError(
            f"the swarm is autolocked, and engines cannot begin such a swarm again, not even unlocked: that of"
            f" {wish.survivor} would leave it until it is restarted, and then be locked",
            hint="bring one of the other managers back with its disk and unlock it; or restore a backup: swarmnet"
            " restore plan latest -i INVENTORY (see moby#36852)",
        )
    if code != 1:
        raise RefusedError(
            "the swarm may be autolocked, and engines cannot begin such a swarm again:"
            f" {asked.argv[-1]} cannot be read",
            hint="set ssh.sudo in the inventory, or --ask-become-pass",
        )


def _beginning(wish: Wish, facts: HostFacts, inventory: Inventory) -> Iterator[Action]:
    host = inventory.host(wish.survivor)
    if wish.archive is not None:
        yield ArchiveSwarm(
            object=Ref(kind="state", name=wish.survivor),
            why=f"its folder of the swarm's state is kept as it is now, sealed, in {wish.archive}",
            host=wish.survivor,
            path=wish.archive,
        )
    try:
        advertise, data_path = advertise_of(host, facts), data_path_of(host, facts)
    except ValueError as error:
        raise RefusedError(str(error)) from None
    yield RecoverSwarm(
        object=Ref(kind="swarm", name=inventory.cluster, host=wish.survivor),
        why=f"{wish.survivor} begins the same swarm again as its only manager; services, networks, secrets stay",
        host=wish.survivor,
        node_id=facts.engine.membership.node_id,
        advertise=facts.engine.membership.address or advertise,
        # The engine takes the address from this request: without it, VXLAN would move to the advertised one.
        data_path=data_path if wish.data_path is None else wish.data_path or None,
    )


def _stale(wish: Wish, state: ClusterState, inventory: Inventory) -> Iterator[tuple[Host, HostFacts]]:
    """Yield the managers that answer, and hold the swarm as it was before it began again."""
    known = {node.id for node in state.nodes if node.reachability is not None or node.spec.role is Role.WORKER}
    for host in inventory.managers:
        facts = state.facts(host.name)
        if facts is None or host.name == wish.survivor:
            continue
        membership = facts.engine.membership
        if _is_of(membership, wish, state) and membership.node_id not in known:
            yield host, facts


def _is_of(membership: SwarmMembership, wish: Wish, state: ClusterState) -> bool:
    """Return whether a manager is in the swarm that the survivor holds, as far as it can tell."""
    if membership.state is SwarmStanding.INACTIVE:
        return False
    if membership.state is SwarmStanding.LOCKED:
        return True
    survivor = state.facts(wish.survivor)
    swarm = "" if state.swarm is None else state.swarm.id
    if membership.cluster_id and swarm:
        return membership.cluster_id == swarm
    return survivor is not None and survivor.engine.membership.node_id in {one for one, _ in membership.members}


def _departures(stale: tuple[tuple[Host, HostFacts], ...]) -> Iterator[Leave]:
    for host, _facts in stale:
        why = "it holds the swarm as it was before, and could elect a leader of that one"
        yield LeaveOldSwarm(object=Ref(kind="node", name=host.name), why=why, host=host.name)


def _forgotten(wish: Wish, state: ClusterState) -> tuple[Node, ...]:
    """Return the entries of managers that the survivor's raft group does not count."""
    return tuple(
        node
        for node in state.nodes
        if node.spec.role is Role.MANAGER
        and node.reachability is None
        and node.status != "ready"
        and not _is_own(node, wish, state)
    )


def _is_own(node: Node, wish: Wish, state: ClusterState) -> bool:
    facts = state.facts(wish.survivor)
    return facts is not None and facts.engine.membership.node_id == node.id


def _removals(wish: Wish, facts: HostFacts, state: ClusterState, inventory: Inventory) -> Iterator[Action]:
    """Yield what removes the entries of all other managers, named as the inventory calls them where it knows them."""
    own = facts.engine.membership
    entries = (
        {node.id: node.name for node in _forgotten(wish, state)}
        if state.swarm is not None
        else {one: _named(address, inventory) for one, address in own.members if one != own.node_id}
    )
    for node_id, name in sorted(entries.items(), key=lambda one: one[1]):
        why = "the swarm that begins again does not count it; it must not come back as it is"
        yield RemoveLostManager(object=Ref(kind="node", name=name), why=why, node_id=node_id)


def _named(address: str, inventory: Inventory) -> str:
    literal = address.rpartition(":")[0].strip("[]")
    known = (host.name for host in inventory.hosts if literal in (host.address, host.advertise))
    return next(known, literal)


def _returns(
    wish: Wish, stale: tuple[tuple[Host, HostFacts], ...], state: ClusterState, inventory: Inventory
) -> Iterator[Action]:
    """Yield what lets managers join that leave, and those in no swarm: rebuilt, or made to leave by a run that died."""
    leaving = {host.name for host, _ in stale}
    for host in inventory.managers:
        facts = state.facts(host.name)
        if facts is None or host.name == wish.survivor:
            continue
        if host.name in leaving or facts.engine.membership.state is SwarmStanding.INACTIVE:
            yield join(host, facts, f"{host.name} joins the swarm that began again")


def _warnings(
    wish: Wish, state: ClusterState, inventory: Inventory, stale: tuple[tuple[Host, HostFacts], ...]
) -> Iterator[str]:
    silent = [one.name for one in inventory.managers if state.facts(one.name) is None]
    if silent:
        yield f"{both(silent)} must not come back as {'it is' if len(silent) == 1 else 'they are'}: {STARTS_AGAIN}"
    if state.swarm is None:
        yield "the engine begins a rotation of the CA if the CA was ever rotated; join tokens may change"
        if wish.archive is None and not wish.is_copied:
            yield "no copy of the state of the survivor is kept: --archive FILE keeps one"
        unread = [host for host in (wish.survivor, *(one.name for one, _ in stale)) if host not in wish.logs]
        if unread and stale:
            yield f"the log of {both(unread)} could not be read: whether {wish.survivor} has the newest is not known"
