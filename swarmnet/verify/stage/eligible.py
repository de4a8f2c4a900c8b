"""Which hosts can carry a probe, and why the others cannot: known from the observation, before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.hosts import Availability
from swarmnet.model.state import SwarmStanding
from swarmnet.verify.scenario import Station

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.state import ClusterState, HostFacts

RESTING = {
    Availability.DRAIN: "is drained: its node takes no containers on overlays",
    Availability.PAUSE: "is paused: its node takes no new containers on overlays",
}
"""What an operator's own choice keeps from taking a probe: no fault (swarmkit schedules attachments, too)."""


@dataclass(frozen=True, slots=True)
class Cast:
    """The hosts of one run."""

    able: tuple[str, ...]
    """They can carry a probe."""
    resting: tuple[Station, ...] = ()
    """They answer, and the operator keeps their nodes from taking containers."""
    absent: tuple[Station, ...] = ()
    """Nothing can be asked of them."""

    @property
    def present(self) -> tuple[str, ...]:
        """The hosts that answer and are in the swarm: each can be watched."""
        return (*self.able, *(one.host for one in self.resting))


def cast(state: ClusterState, hosts: Sequence[str]) -> Cast:
    """Return what each host can do for a run."""
    failed = {failure.host: failure.reason for failure in state.failures}
    resting, absent = [], []
    for host in hosts:
        node, facts = state.node_of(host), state.facts(host)
        if host in failed or facts is None:
            absent.append(Station(host, problem=failed.get(host, "did not answer"), cause="unreachable"))
        elif node is None:
            absent.append(_outsider(state, facts))
        elif node.spec.availability in RESTING:
            why = RESTING[node.spec.availability]
            resting.append(Station(host, problem=why, cause=node.spec.availability.value, excused=True))
    out = {one.host for one in (*resting, *absent)}
    return Cast(tuple(host for host in hosts if host not in out), tuple(resting), tuple(absent))


def _outsider(state: ClusterState, facts: HostFacts) -> Station:
    """Return why a host that answers is no node of the swarm."""
    host, member = facts.host, facts.engine.membership
    if member.state is SwarmStanding.LOCKED:
        return Station(host, problem="its engine is locked", cause="locked")
    if member.state is SwarmStanding.ACTIVE:
        other = state.swarm is not None and member.cluster_id not in ("", state.swarm.id)
        if other:
            return Station(host, problem=f"is in another swarm ({member.cluster_id})", cause="other-swarm")
        why = f"believes that it is node {member.node_id}, which this swarm does not list"
        return Station(host, problem=why, cause="unlisted")
    if facts.engine.live_restore:
        return Station(host, problem="is in no swarm, since its engine has live restore on", cause="live-restore")
    if facts.engine.writes_nftables:
        return Station(host, problem="is in no swarm, since its engine writes rules of nftables", cause="nftables")
    said = f": its engine says: {member.error}" if member.error else ""
    return Station(host, problem=f"is in no swarm{said}", cause="no-swarm")
