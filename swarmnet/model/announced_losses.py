"""A cluster that no manager answers for: which hosts are left, which are missing, and what to do first. Pure.

Managers keep the swarm by majority: of three, one may be lost. Without a majority no manager answers for the cluster,
its lists are empty, and nothing can be changed; what runs goes on. All of it is on the disks of the managers that are
left, so the way back is to start the others, never to leave the swarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from swarmnet.model.base import Document
from swarmnet.model.state import SwarmStanding

if TYPE_CHECKING:
    from collections.abc import Collection

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.state import ClusterState, HostFacts

UNLOCK = "swarmnet unlock -i INVENTORY --key-file FILE"
"""What gives restarted managers of an autolocked swarm their key."""
KEEP = "running tasks keep running; the remaining managers hold the cluster's state: do not reset them"
ELECTION = "an election takes some 20 s: try again; if it stays so, look at 2377/tcp between the managers"
FOR_GOOD = "if a majority of managers is gone for good: swarmnet recover quorum -i INVENTORY --from HOST"


class Health(StrEnum):
    """The cluster in one word."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """It works, and something is wrong or missing."""
    LOST = "lost"
    """No manager answers for it."""
    ABSENT = "no swarm"
    """No manager of the inventory is in one."""


class Standing(Document):
    """The state of a cluster."""

    health: Health
    managers: int = 0
    """How many managers the swarm counts; in a lost one, those of the inventory, or more where a host knows more."""
    answering: int = 0
    """How many of them work."""
    spare: int = 0
    """How many more may be lost before the swarm stops; 0 means that the next loss stops it."""
    reasons: tuple[str, ...] = ()
    """What is wrong, worst first."""
    cure: str | None = None
    """What to do first, where one thing comes first."""


@dataclass(frozen=True, slots=True)
class Left:
    """The inventory's managers by state, and the other hosts that are in a swarm."""

    working: list[str]
    """In the swarm, without a leader."""
    locked: list[str]
    broken: list[str]
    """Their engines could not take part: they say why."""
    silent: list[str]
    gone: list[str]
    """They answer, and are in no swarm: rebuilt, or never in it."""
    strays: list[HostFacts]
    """In a swarm, and no managers of it as far as anyone knows."""
    total: int
    """Managers that the swarm counts."""
    errors: dict[str, str]
    """Host name to what its engine says of its swarm."""

    @property
    def is_locked_out(self) -> bool:
        """Whether the managers that wait for their key are all that is missing to a majority."""
        return bool(self.locked) and len(self.working) + len(self.locked) >= majority(self.total)

    @property
    def claimants(self) -> list[str]:
        """The hosts that say that they are managers, and are none in the inventory."""
        return [facts.host for facts in self.strays if facts.engine.membership.is_manager]

    @classmethod
    def of(cls, state: ClusterState, inventory: Inventory) -> Self:
        """Return the managers of the inventory by the state in which they were seen."""
        names = [host.name for host in inventory.managers]
        seen = [facts for facts in state.hosts if facts.host in names]
        known = {address for facts in seen for address in facts.engine.membership.managers}
        inside = [facts for facts in state.hosts if _standing_of(facts) is not SwarmStanding.INACTIVE]
        working = [facts.host for facts in seen if _is_headless(facts)]
        at_fault = {SwarmStanding.LOCKED, SwarmStanding.ERROR}
        return cls(
            working=working,
            locked=[facts.host for facts in seen if _standing_of(facts) is SwarmStanding.LOCKED],
            broken=[facts.host for facts in seen if _standing_of(facts) is SwarmStanding.ERROR],
            silent=[name for name in names if state.facts(name) is None],
            gone=[facts.host for facts in seen if _standing_of(facts) is SwarmStanding.INACTIVE],
            strays=[
                facts
                for facts in inside
                if facts.host not in working and not (facts in seen and _standing_of(facts) in at_fault)
            ],
            total=len(known) or len(names),
            errors={facts.host: error for facts in seen if (error := facts.engine.membership.error)},
        )


def lost(state: ClusterState, inventory: Inventory) -> Standing:
    """Return how a cluster stands for which no manager of the inventory answers."""
    disbelieved = [f"{one.host} {one.reason}" for one in state.failures if one.disbelieved]
    left = Left.of(state, inventory)
    found = Standing(health=Health.LOST, managers=left.total, answering=len(left.working))
    if disbelieved:
        return found.model_copy(update={"reasons": tuple(disbelieved)})
    if not (left.working or left.locked or left.broken):
        return _without_managers(left, inventory)
    reason, cure = _of_managers(left)
    return found.model_copy(update={"reasons": (reason,), "cure": cure})


def majority(managers: int) -> int:
    """Return how many managers must work for the swarm to go on."""
    return managers // 2 + 1


def unlocking(hosts: Collection[str]) -> str:
    """Return what unlocks the hosts."""
    return f"unlock {both(hosts)}: {UNLOCK}"


def are(hosts: Collection[str], what: str) -> str:
    """Return ``m1 is WHAT``, ``m1 and m2 are WHAT``."""
    return f"{both(hosts)} {'is' if len(hosts) == 1 else 'are'} {what}"


def both(names: Collection[str]) -> str:
    """Return ``m1``, ``m1 and m2``, ``m1, m2 and m3``."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _of_managers(left: Left) -> tuple[str, str]:
    """Return reason and cure where some of the managers are there."""
    needed = majority(left.total)
    if left.is_locked_out:
        return f"{are(left.locked, 'locked')}, and no manager answers for the swarm", unlocking(left.locked)
    count = f"{len(left.working)} of {left.total} managers {'answers' if len(left.working) == 1 else 'answer'}"
    if len(left.working) >= needed:
        return f"{count}, and none of them leads: {_said(left, left.working) or 'no leader'}", ELECTION
    also = [are(left.locked, "locked")] if left.locked else []
    also += [f"the engine of {both(left.broken)} is at fault ({_said(left, left.broken)})"] if left.broken else []
    also += [are(left.gone, "in no swarm any more")] if left.gone else []
    steps = [f"start {both(left.silent)}"] if left.silent else []
    steps += [unlocking(left.locked)] if left.locked else []
    steps += [f"restart the engine of {both(left.broken)} when the cause is gone"] if left.broken else []
    if len(left.working) + len(left.locked) + len(left.broken) + len(left.silent) < needed:
        steps = [*steps, FOR_GOOD]
    first = steps[0] if steps else FOR_GOOD
    return f"{', '.join([count, *also])}, no quorum: {first}", "; then ".join(steps) + f"; {KEEP}"


def _said(left: Left, hosts: Collection[str]) -> str:
    return "; ".join(dict.fromkeys(left.errors[host] for host in hosts if host in left.errors))


def _without_managers(left: Left, inventory: Inventory) -> Standing:
    """Return the state where none of the inventory's managers is one, as far as they answer."""
    if not left.strays:
        return Standing(health=Health.ABSENT)
    hosts = [facts.host for facts in left.strays]
    if left.claimants:
        says = "says that it is a manager, but is not one" if len(left.claimants) == 1 else "say that they are managers"
        reason = f"{are(hosts, 'in a swarm')}; {both(left.claimants)} {says} in {inventory.source}"
        cure = f"when that is meant, write 'role: manager' for {both(left.claimants)} there"
        return Standing(health=Health.LOST, managers=left.total, reasons=(reason,), cure=cure)
    if left.silent:
        reason = f"{are(hosts, 'in a swarm')}, and no manager of the inventory answers for it"
        return Standing(
            health=Health.LOST, managers=left.total, reasons=(reason,), cure=f"start {both(left.silent)}; {KEEP}"
        )
    return Standing(health=Health.ABSENT, reasons=tuple(stray(facts) for facts in left.strays))


def stray(facts: HostFacts) -> str:
    """Return in which swarm a host is that no manager of the inventory is in."""
    return f"{facts.host} {straying(facts)}"


def straying(facts: HostFacts) -> str:
    """Return the same in words that follow the host's name."""
    membership = facts.engine.membership
    managers = ", ".join(membership.managers) or "unknown"
    said = f": {membership.error}" if membership.error else ""
    state = "" if membership.state is SwarmStanding.ACTIVE else f" ({membership.state}{said})"
    return f"is in a swarm{state} that no manager of the inventory is in; its managers: {managers}"


def _standing_of(facts: HostFacts) -> SwarmStanding:
    return facts.engine.membership.state


def _is_headless(facts: HostFacts) -> bool:
    """Return whether a manager is in its swarm and has no leader; after a restart it is pending until there is one."""
    membership = facts.engine.membership
    waits = membership.state in (SwarmStanding.ACTIVE, SwarmStanding.PENDING) and bool(membership.error)
    return waits or (membership.state is SwarmStanding.ACTIVE and membership.is_manager)
