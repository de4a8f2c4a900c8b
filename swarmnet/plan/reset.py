"""Take a swarm apart: services, then workers, then managers one by one with the leader last, then local networks. Pure.

What other hands made in the swarm goes with it; on the hosts, only networks with this cluster's label are removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.model.clock import wait_until
from swarmnet.model.hosts import Role
from swarmnet.model.plan import MANAGED_LABEL, Action, Plan, Rank, Risk, Sign
from swarmnet.model.ports import progress
from swarmnet.model.state import SwarmMembership, SwarmStanding
from swarmnet.plan.prune import PruneNetwork, PruneService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState, HostFacts

LEAVE_LIMIT = 60.0
"""Seconds for an engine to say that it is in no swarm any more."""


class RemoveService(PruneService):
    """Remove a service of the swarm that is taken apart, so that its tasks end in order."""

    kind: Literal["reset.service"] = "reset.service"  # type: ignore[assignment]


class RemoveLocalNetwork(PruneNetwork):
    """Remove a network of one host that swarmnet made."""

    kind: Literal["reset.network"] = "reset.network"  # type: ignore[assignment]


class LeaveSwarm(Action):
    """Make one host leave its swarm."""

    kind: Literal["reset.leave"] = "reset.leave"
    host: str

    sign: ClassVar[Sign] = Sign.REMOVE
    stage: ClassVar[Rank] = Rank.WORKER

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
        engine.leave_swarm(force=True)

        def look() -> tuple[bool | None, str]:
            standing = engine.facts().membership.state
            return (True if standing is SwarmStanding.INACTIVE else None), standing.value

        wait_until(ports.clock, look, what=f"{self.host} to leave its swarm", timeout=LEAVE_LIMIT, tell=progress(ports))


class LeaveSwarmAsManager(LeaveSwarm):
    """Make one manager leave; one by one, so that the last ones still answer."""

    kind: Literal["reset.leave-manager"] = "reset.leave-manager"  # type: ignore[assignment]
    stage: ClassVar[Rank] = Rank.MANAGER


_OUTSIDE = SwarmMembership()
_NO_SWARM = {"swarm": None, "nodes": (), "networks": (), "services": (), "tasks": (), "configs": (), "secrets": ()}


def reset(state: ClusterState, inventory: Inventory) -> Plan:
    """Return what leads from this state to hosts that are in no swarm."""
    actions = tuple(_actions(state, inventory))
    predicted = state
    for action in actions:
        predicted = action.predict(predicted)
    return Plan(cluster=inventory.cluster, actions=actions, warnings=tuple(_warnings(state)), predicted=predicted)


def _warnings(state: ClusterState) -> Iterator[str]:
    if state.swarm is not None and MANAGED_LABEL not in state.swarm.spec.labels:
        yield "the swarm does not have the label of swarmnet: others may have made it"
    if state.secrets:
        yield f"{len(state.secrets)} secrets are lost for good with the swarm"


def _actions(state: ClusterState, inventory: Inventory) -> Iterator[Action]:
    for service in state.services:
        yield RemoveService(
            target=f"service {service.spec.name}",
            why="the swarm is taken apart",
            risk=Risk.DESTRUCTIVE,
            name=service.spec.name,
            id=service.id,
        )
    yield from _leaving(state)
    for facts in state.hosts:
        for network in facts.networks:
            if network.spec.labels.get(MANAGED_LABEL) == inventory.cluster:
                yield RemoveLocalNetwork(
                    target=f"network {network.spec.name} on {facts.host}",
                    why="swarmnet made it",
                    risk=Risk.DESTRUCTIVE,
                    name=network.spec.name,
                    id=network.id,
                    host=facts.host,
                )


def _leaving(state: ClusterState) -> Iterator[LeaveSwarm]:
    inside = [facts for facts in state.hosts if facts.engine.membership.state is not SwarmStanding.INACTIVE]
    managers = [facts for facts in inside if _is_manager(facts, state)]
    for facts in inside:
        if facts not in managers:
            yield _leave(LeaveSwarm, facts)
    for facts in sorted(managers, key=lambda one: _leads(one, state)):
        yield _leave(LeaveSwarmAsManager, facts)


def _leave(kind: type[LeaveSwarm], facts: HostFacts) -> LeaveSwarm:
    why = "it leaves the swarm, with all that its engine holds of it"
    return kind(target=f"node {facts.host}", why=why, risk=Risk.DESTRUCTIVE, host=facts.host)


def _is_manager(facts: HostFacts, state: ClusterState) -> bool:
    node = state.node_of(facts.host)
    return facts.engine.membership.is_manager if node is None else node.spec.role is Role.MANAGER


def _leads(facts: HostFacts, state: ClusterState) -> bool:
    node = state.node_of(facts.host)
    return node is not None and node.is_leader
