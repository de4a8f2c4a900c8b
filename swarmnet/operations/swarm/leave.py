"""The actions that take hosts out of their swarm."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import HostTimeoutError, UnreachableError
from swarmnet.model.clock import wait_until
from swarmnet.model.hosts import Role
from swarmnet.model.plan import Action, Permit, Rank, Risk, Sign
from swarmnet.model.ports import progress
from swarmnet.model.state import SwarmMembership, SwarmStanding

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState

LEAVE_LIMIT = 60.0
"""Seconds for an engine to report that it is in no swarm."""
_OUTSIDE = SwarmMembership()
_NO_SWARM = {"swarm": None, "nodes": (), "networks": (), "services": (), "tasks": (), "configs": (), "secrets": ()}


class Leave(Action):
    """Make one host leave its swarm, with everything that its engine holds of it."""

    forced: ClassVar[bool] = True
    """True lets a manager leave, too."""
    host: str
    risk: Risk = Risk.DESTRUCTIVE

    sign: ClassVar[Sign] = Sign.REMOVE

    @property
    def permit(self) -> Permit:
        """The confirmation of ``swarmnet reset``."""
        return Permit.RESET

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state without the node, and without the swarm when its last manager left."""
        facts, node = state.facts(self.host), state.node_of(self.host)
        if facts is not None:
            outside = facts.model_copy(update={"engine": facts.engine.model_copy(update={"membership": _OUTSIDE})})
            hosts = tuple(outside if one.host == self.host else one for one in state.hosts)
            state = state.model_copy(update={"hosts": hosts})
        nodes = tuple(one for one in state.nodes if node is None or one.id != node.id)
        state = state.model_copy(update={"nodes": nodes})
        return state if any(one.spec.role is Role.MANAGER for one in nodes) else state.model_copy(update=_NO_SWARM)

    def run(self, ports: Ports) -> None:
        """Leave, and wait until the engine is in no swarm."""
        engine = ports.engine(self.host)
        # An engine that does not answer may be on its way out: the look below decides.
        with suppress(HostTimeoutError, UnreachableError):
            engine.leave_swarm(force=self.forced)

        def look() -> tuple[bool | None, str]:
            standing = engine.facts().membership.state
            return (True if standing is SwarmStanding.INACTIVE else None), standing.value

        wait_until(ports.clock, look, what=f"{self.host} to leave its swarm", timeout=LEAVE_LIMIT, tell=progress(ports))


class LeaveSwarm(Leave):
    """Make one worker leave; several may leave at the same time."""

    kind: Literal["reset.leave"] = "reset.leave"
    stage: ClassVar[Rank] = Rank.WORKER


class LeaveSwarmAsManager(Leave):
    """Make one manager leave; one by one, so that the last ones still answer."""

    kind: Literal["reset.leave-manager"] = "reset.leave-manager"
    stage: ClassVar[Rank] = Rank.MANAGER


class LeaveAlone(Leave):
    """Make one host leave a swarm that goes on without it, as a worker."""

    kind: Literal["node.leave"] = "node.leave"
    stage: ClassVar[Rank] = Rank.MANAGER
    forced: ClassVar[bool] = False
    risk: Risk = Risk.DISRUPTIVE

    @property
    def permit(self) -> Permit:
        """Nothing but the operator's yes: its volumes and containers stay on the host."""
        return Permit.NONE

    def run(self, ports: Ports) -> None:
        """Wait until the engine knows that it is a worker, so that no copy of the swarm's state leaves with it."""
        engine = ports.engine(self.host)

        def look() -> tuple[bool | None, str]:
            return (None if engine.facts().membership.is_manager else True), "it is still a manager"

        wait_until(ports.clock, look, what=f"{self.host} to be a worker", timeout=LEAVE_LIMIT, tell=progress(ports))
        super().run(ports)
