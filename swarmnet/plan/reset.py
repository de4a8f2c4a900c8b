"""Take a swarm apart: services, workers, managers one by one with the leader last, then what the hosts hold. Pure.

What others created in the swarm goes with it; on the hosts, only objects with this cluster's label are removed.
Volumes stay, since they hold data; the plan names those with the label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.hosts import Role
from swarmnet.model.plan import MANAGED_LABEL, Permit, Plan
from swarmnet.model.plural import count
from swarmnet.model.ref import Ref
from swarmnet.model.state import SwarmStanding
from swarmnet.operations.kinds import REMOVABLE
from swarmnet.operations.removal import Removal
from swarmnet.operations.swarm.leave import LeaveSwarm, LeaveSwarmAsManager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.kind import RemovableKind
    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState, HostFacts
    from swarmnet.operations.swarm.leave import Leave


def reset(state: ClusterState, inventory: Inventory) -> Plan:
    """Return what leads from this state to hosts that are in no swarm."""
    actions = tuple(_actions(state, inventory))
    predicted = state
    for action in actions:
        predicted = action.predict(predicted)
    return Plan(
        cluster=inventory.cluster, actions=actions, warnings=tuple(_warnings(state, inventory)), predicted=predicted
    )


def _warnings(state: ClusterState, inventory: Inventory) -> Iterator[str]:
    if state.swarm is not None and MANAGED_LABEL not in state.swarm.spec.labels:
        yield "the swarm does not have the label of swarmnet: others may have created it"
    if state.secrets:
        yield f"{count(len(state.secrets), 'secret is', 'secrets are')} lost for good with the swarm"
    for facts in state.hosts:
        kept = [one.id for one in facts.volumes or () if one.spec.labels.get(MANAGED_LABEL) == inventory.cluster]
        if kept:
            yield (
                f"volumes that swarmnet made stay on {facts.host}, with their data: {', '.join(kept)}; remove there"
                f" what you do not need: docker volume rm {' '.join(kept)}"
            )


def _actions(state: ClusterState, inventory: Inventory) -> Iterator[Action]:
    services = REMOVABLE["service"]  # so that their tasks end in order; the rest of the swarm goes with it
    for _host, service in services.places(state):
        yield Removal.of(services, service, None, Permit.RESET, "the swarm is taken apart")
    containers = REMOVABLE["container"]  # before their networks go
    yield from _own(containers, state, inventory)
    yield from _leaving(state)
    for kind in REMOVABLE.values():
        if kind is not containers:
            yield from _own(kind, state, inventory)


def _own(kind: RemovableKind[Any], state: ClusterState, inventory: Inventory) -> Iterator[Action]:
    """Yield the removals of what hosts have of a kind and swarmnet made."""
    for host, seen in kind.places(state):
        if host is not None and kind.may_go(seen) and seen.spec.labels.get(MANAGED_LABEL) == inventory.cluster:
            yield Removal.of(kind, seen, host, Permit.RESET, "it has swarmnet's label")


def _leaving(state: ClusterState) -> Iterator[Leave]:
    inside = [facts for facts in state.hosts if facts.engine.membership.state is not SwarmStanding.INACTIVE]
    managers = [facts for facts in inside if _is_manager(facts, state)]
    for facts in inside:
        if facts not in managers:
            yield _leave(LeaveSwarm, facts)
    for facts in sorted(managers, key=lambda one: _leads(one, state)):
        yield _leave(LeaveSwarmAsManager, facts)


def _leave(kind: type[LeaveSwarm | LeaveSwarmAsManager], facts: HostFacts) -> Leave:
    why = "it leaves the swarm, with everything that its engine holds of it"
    return kind(object=Ref(kind="node", name=facts.host), why=why, host=facts.host)


def _is_manager(facts: HostFacts, state: ClusterState) -> bool:
    node = state.node_of(facts.host)
    return facts.engine.membership.is_manager if node is None else node.spec.role is Role.MANAGER


def _leads(facts: HostFacts, state: ClusterState) -> bool:
    node = state.node_of(facts.host)
    return node is not None and node.is_leader
