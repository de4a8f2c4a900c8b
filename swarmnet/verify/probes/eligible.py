"""Which hosts can carry a probe, and why the others cannot: known from the observation, before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.announced_losses import straying
from swarmnet.model.hosts import Availability
from swarmnet.model.state import SwarmStanding
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import OverlayProbe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.state import ClusterState, HostFacts, HostFailure

UNSCHEDULABLE = {
    Availability.DRAIN: (CauseId.DRAIN, "is drained: its node takes no containers on overlays"),
    Availability.PAUSE: (CauseId.PAUSE, "is paused: its node takes no new containers on overlays"),
}
"""What an operator's own choice keeps from taking a probe: no fault (swarmkit schedules attachments, too)."""


@dataclass(frozen=True, slots=True)
class Eligibility:
    """The hosts of one run."""

    able: tuple[str, ...]
    """They can carry a probe."""
    unschedulable: tuple[OverlayProbe, ...] = ()
    """They answer, and the operator keeps their nodes from taking containers."""
    absent: tuple[OverlayProbe, ...] = ()
    """Nothing can be asked of them."""

    @property
    def present(self) -> tuple[str, ...]:
        """The hosts that answer and are in the swarm: each can be watched."""
        return (*self.able, *(one.host for one in self.unschedulable))


def eligibility(state: ClusterState, hosts: Sequence[str]) -> Eligibility:
    """Return what each host can do for a run."""
    failed = {failure.host: failure for failure in state.failures}
    unschedulable, absent = [], []
    for host in hosts:
        node, facts = state.node_of(host), state.facts(host)
        if host in failed or facts is None:
            absent.append(_silent(host, failed.get(host)))
        elif node is None:
            absent.append(_outsider(state, facts))
        elif node.spec.availability in UNSCHEDULABLE:
            cause, why = UNSCHEDULABLE[node.spec.availability]
            unschedulable.append(OverlayProbe(host, problem=why, cause=cause, excused=True))
    out = {one.host for one in (*unschedulable, *absent)}
    return Eligibility(tuple(host for host in hosts if host not in out), tuple(unschedulable), tuple(absent))


def _silent(host: str, failure: HostFailure | None) -> OverlayProbe:
    """Return why nothing is asked of a host: it gives no answer, or one that others contradict."""
    cause = CauseId.CONTRADICTED if failure is not None and failure.disbelieved else CauseId.UNREACHABLE
    return OverlayProbe(host, problem=failure.reason if failure else "did not answer", cause=cause)


def _outsider(state: ClusterState, facts: HostFacts) -> OverlayProbe:
    """Return why a host that answers is not a node of the swarm."""
    host, member = facts.host, facts.engine.membership
    if member.state is SwarmStanding.LOCKED:
        return OverlayProbe(host, problem="its engine is locked", cause=CauseId.LOCKED)
    if member.state is SwarmStanding.ACTIVE:
        return _member(state, facts)
    if facts.engine.live_restore:
        return OverlayProbe(
            host, problem="is in no swarm, since its engine has live restore on", cause=CauseId.LIVE_RESTORE
        )
    if facts.engine.writes_nftables:
        return OverlayProbe(
            host, problem="is in no swarm, since its engine writes rules of nftables", cause=CauseId.NFTABLES
        )
    said = f": its engine says: {member.error}" if member.error else ""
    return OverlayProbe(host, problem=f"is in no swarm{said}", cause=CauseId.NO_SWARM)


def _member(state: ClusterState, facts: HostFacts) -> OverlayProbe:
    """Return why a host that is in a swarm is not a node of this one."""
    host, member = facts.host, facts.engine.membership
    if state.swarm is None:
        return OverlayProbe(host, problem=straying(facts), cause=CauseId.NO_MANAGER)
    if member.cluster_id not in ("", state.swarm.id):
        return OverlayProbe(host, problem=f"is in another swarm ({member.cluster_id})", cause=CauseId.OTHER_SWARM)
    why = f"believes that it is node {member.node_id}, which this swarm does not list"
    return OverlayProbe(host, problem=why, cause=CauseId.UNLISTED)
