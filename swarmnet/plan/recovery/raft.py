"""Which manager a raft archive is taken of, and the plan that brings one back. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import IncompleteError, RefusedError
from swarmnet.model.announced_losses import both, majority
from swarmnet.model.find import by_id
from swarmnet.model.hosts import Availability
from swarmnet.model.plan import Plan
from swarmnet.model.ref import Ref
from swarmnet.model.state import SwarmStanding
from swarmnet.operations.swarm.joining import join
from swarmnet.operations.swarm.raft import PlaceState
from swarmnet.operations.swarm.recover import RecoverSwarm, RemoveLostManager
from swarmnet.plan.quorum import Wish, recovered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Action
    from swarmnet.model.raft_archive import RaftManifest
    from swarmnet.model.state import ClusterState, HostFacts
    from swarmnet.model.swarm import Node

_NUMBERS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Source:
    """The manager that is archived."""

    host: str
    node: Node
    facts: HostFacts
    tasks: int
    """Tasks that run there, and start elsewhere or again."""
    leads: bool
    outage: bool
    """True where no majority is left while its engine is stopped."""


def source(state: ClusterState, inventory: Inventory, wanted: str | None, *, allow_outage: bool) -> Source:
    """Return the manager to archive: the one named, else the one whose stop costs least, never the leader if possible.

    Raises:
        IncompleteError: no manager answers for the swarm.
        RefusedError: the named one cannot be taken, or the majority would be lost while its engine is stopped.
    """
    if state.swarm is None:
        raise IncompleteError(
            f"no manager of {inventory.cluster} answers for a swarm", hint="swarmnet status -i INVENTORY says why"
        )
    found = sorted(_candidates(state, inventory), key=_cost)
    if wanted is not None:
        inventory.host(wanted)
        found = [one for one in found if one.host == wanted]
    if not found:
        which = "no manager of the inventory" if wanted is None else wanted
        raise RefusedError(f"{which} answers for the swarm as a manager that the others reach", hint="swarmnet status")
    chosen = found[0]
    if chosen.outage and not allow_outage:
        members = [node for node in state.nodes if node.reachability is not None]
        raise RefusedError(
            f"without {chosen.host}, {_answering(state) - 1} of {len(members)} managers are left, less than a majority:"
            " nothing in the swarm can be changed while its engine is stopped",
            hint="bring the other managers back, or allow it with --allow-outage: tasks on other hosts keep running",
        )
    return chosen


def _candidates(state: ClusterState, inventory: Inventory) -> Iterator[Source]:
    members = [node for node in state.nodes if node.reachability is not None]
    outage = _answering(state) - 1 < majority(len(members))
    for host in inventory.managers:
        facts = state.facts(host.name)
        if facts is None or not facts.engine.membership.is_manager:
            continue
        node = by_id(members, facts.engine.membership.node_id)
        if node is not None and node.reachability == "reachable":
            running = sum(task.node_id == node.id and task.state == "running" for task in state.tasks)
            yield Source(host.name, node, facts, running, leads=node.is_leader, outage=outage)


def _answering(state: ClusterState) -> int:
    return sum(node.reachability == "reachable" for node in state.nodes)


def _cost(one: Source) -> tuple[bool, bool, int, str]:
    return one.leads, one.node.spec.availability is not Availability.DRAIN, one.tasks, one.host


@dataclass(frozen=True, slots=True)
class RaftWish:
    """What the operator asks for."""

    manifest: RaftManifest
    archive: str
    """Where the archive is."""
    host: str
    """Name of the host that becomes the manager again."""
    lost: frozenset[str] = frozenset()
    """Names of the managers that the operator knows to be dead for good."""
    has_key: bool = False
    """True where the operator gave the key that unlocks the swarm."""


def brought_back(wish: RaftWish, state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan that puts the archived state in its place and begins the swarm from it.

    Raises:
        RefusedError: engines cannot: other address, older engine, autolock, a host that is in a swarm; or a manager
            could hold the swarm as it was.
    """
    facts = _target(wish, state)
    if facts.engine.membership.node_id == wish.manifest.node_id:  # the state is in its place: the rest is a recovery
        return recovered(
            Wish(wish.host, wish.lost, is_copied=True, data_path=wish.manifest.data_path or ""), state, inventory
        )
    manifest = wish.manifest
    if manifest.autolock and wish.has_key and facts.engine.membership.state is SwarmStanding.LOCKED:
        return Plan(cluster=inventory.cluster, actions=(), warnings=(), predicted=state)  # the key is the rest
    _can_hold(wish, facts)
    _no_other(wish, state, inventory)
    placed = PlaceState(
        object=Ref(kind="state", name=wish.host),
        why=f"the state of {manifest.host} as it was on {manifest.created:%Y-%m-%d %H:%M:%S UTC}, secrets included",
        host=wish.host,
        archive=wish.archive,
        backup=manifest.id,
        locked=manifest.autolock,
    )
    actions = (placed,) if manifest.autolock else (placed, *_beginning(wish, state, inventory))
    predicted = state
    for action in actions:
        predicted = action.predict(predicted)
    return Plan(cluster=inventory.cluster, actions=actions, warnings=_warnings(), predicted=predicted)


def _beginning(wish: RaftWish, state: ClusterState, inventory: Inventory) -> tuple[Action, ...]:
    manifest = wish.manifest
    return (
        RecoverSwarm(
            object=Ref(kind="swarm", name=inventory.cluster, host=wish.host),
            why=f"{wish.host} begins the same swarm again as its only manager; services, networks, secrets come back",
            host=wish.host,
            node_id=manifest.node_id,
            advertise=manifest.address,
            data_path=manifest.data_path,
        ),
        *_removals(wish, inventory),
        *_joins(wish, state, inventory),
    )


def _target(wish: RaftWish, state: ClusterState) -> HostFacts:
    facts = state.facts(wish.host)
    if facts is None:
        raise RefusedError(f"{wish.host} {state.silence(wish.host)}", hint="name another host with --to")
    return facts


def _can_hold(wish: RaftWish, facts: HostFacts) -> None:
    """Return when this engine can run the archived state."""
    manifest, spec = wish.manifest, "restore what the archive cannot from a description: swarmnet restore plan latest"
    if facts.engine.membership.state is not SwarmStanding.INACTIVE:
        raise RefusedError(
            f"{wish.host} is in a swarm: its state would be lost",
            hint="make it leave first: swarmnet reset -i INVENTORY; or swarmnet recover quorum, if it holds this swarm",
        )
    if manifest.autolock and manifest.others:
        raise RefusedError(
            f"the archive is of an autolocked swarm of {len(manifest.others) + 1} managers: unlocked, its engine would"
            " wait for a majority of them, and engines begin no swarm again that needs a key",
            hint=f"{spec}; archive after `docker swarm update --autolock=false` (see moby#36852)",
        )
    if manifest.autolock and not wish.has_key:
        raise RefusedError(
            "the archive is of an autolocked swarm: its engine needs the key that unlocked it then",
            hint="give --key-file FILE, or set SWARMNET_UNLOCK_KEY",
        )
    if manifest.address not in facts.addresses and not _is_v6(manifest.address):
        raise RefusedError(
            f"the state works at {manifest.address} alone, and {wish.host} has {both(facts.addresses) or 'none'}:"
            " engines keep the address of a manager",
            hint=f"give a host that address and name it with --to, or {spec} (see moby#34306)",
        )
    if _number(facts.engine.version) < _number(manifest.engine):
        raise RefusedError(
            f"the state is of engine {manifest.engine}, and {wish.host} has {facts.engine.version}: older engines"
            " cannot read it",
            hint=f"install {manifest.engine} or newer there, or {spec}",
        )


def _is_v6(address: str) -> bool:
    """Return whether hosts do not list such an address among theirs."""
    return ":" in address


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in _NUMBERS.findall(version.partition("-")[0])[:3])


def _no_other(wish: RaftWish, state: ClusterState, inventory: Inventory) -> None:
    """Return when no manager holds the swarm as it was: there would be two with one id."""
    holding = [
        one.host
        for one in state.hosts
        if one.host != wish.host
        and one.host in {host.name for host in inventory.managers}
        and one.engine.membership.state is not SwarmStanding.INACTIVE
    ]
    if holding:
        raise RefusedError(
            f"{both(holding)} {'is' if len(holding) == 1 else 'are'} in a swarm: there would be two with one id",
            hint=f"newer than the archive is what it holds: swarmnet recover quorum -i INVENTORY --from {holding[0]};"
            " or take it out first: swarmnet reset -i INVENTORY",
        )
    silent = [one.name for one in inventory.managers if state.facts(one.name) is None and one.name not in wish.lost]
    if silent:
        reasons = {one.host: one.reason for one in state.failures}
        raise RefusedError(
            "managers that do not answer may be alive, and then there would be two swarms:",
            details=(f"- {name}: {reasons.get(name, 'it was not asked')}" for name in silent),
            hint=f"when they are dead for good, or switched off, add {' '.join(f'--lost {name}' for name in silent)}",
        )


def _removals(wish: RaftWish, inventory: Inventory) -> Iterator[Action]:
    named = {host.address: host.name for host in inventory.hosts} | {
        host.advertise: host.name for host in inventory.hosts if host.advertise
    }
    for member in sorted(wish.manifest.others, key=lambda one: one.address):
        literal = member.address.rpartition(":")[0].strip("[]")
        why = "the swarm that begins again does not count it; it must not come back as it is"
        yield RemoveLostManager(
            object=Ref(kind="node", name=named.get(literal, literal)), why=why, node_id=member.node_id
        )


def _joins(wish: RaftWish, state: ClusterState, inventory: Inventory) -> Iterator[Action]:
    for host in inventory.managers:
        facts = state.facts(host.name)
        if facts is not None and host.name != wish.host:
            yield join(host, facts, f"{host.name} joins the swarm that began again")


def _warnings() -> tuple[str, ...]:
    return (
        "what changed in the swarm after the archive was taken is lost: services, secrets and nodes are as they were",
        "workers of then come back by themselves if they are there; others join with `swarmnet apply`",
        "workers whose certificates have expired since do not: `docker swarm leave` on each, then `swarmnet apply`",
        "the engine begins a rotation of the CA if the CA was ever rotated; join tokens may change",
    )
