"""How one node leaves the swarm: its tasks first, then its vote, its engine, and its entry in the list. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.hosts import Availability, Role
from swarmnet.model.plan import Change, Risk
from swarmnet.model.ref import Ref
from swarmnet.model.swarm import NodeSpec
from swarmnet.operations.swarm.actions import ChangeRole, RemoveDeadNode, SetNode
from swarmnet.operations.swarm.leave import LeaveAlone
from swarmnet.operations.swarm.moved_tasks import homeless

if TYPE_CHECKING:
    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node


@dataclass(frozen=True, slots=True)
class Departure:
    """One host that leaves, with every entry that it has in the list of nodes."""

    host: str
    nodes: tuple[Node, ...]
    """Its entries: its node, or the dead ones that it left behind."""
    is_member: bool
    """True when its engine answers, and is in the swarm."""
    why: str

    def actions(self, state: ClusterState) -> tuple[Action, ...]:
        """Return the actions from this state on; none when the host has left already."""
        made: list[Action] = []
        down = self._stopped(state)
        for node in self.nodes:
            if self.is_member and node.spec.availability is not Availability.DRAIN:
                made.append(drain(self.host, node, why=self.why, down=down))
            if node.spec.role is Role.MANAGER:
                made.append(demote(self.host, node, why=self.why, down=down, alive=self.is_member))
        if self.is_member:
            made.append(LeaveAlone(object=Ref(kind="node", name=self.host), why=self.why, host=self.host))
        made += [
            RemoveDeadNode(object=Ref(kind="node", name=self.host), why=self.why, node_id=node.id)
            for node in self.nodes
        ]
        return tuple(made)

    def _stopped(self, state: ClusterState) -> tuple[str, ...]:
        gone = {node.id for node in self.nodes}
        rest = state.model_copy(update={"nodes": tuple(node for node in state.nodes if node.id not in gone)})
        return stopped(state, rest)


def stopped(before: ClusterState, after: ClusterState) -> tuple[str, ...]:
    """Return the services that have running tasks, had room for them before, and have none afterwards."""
    had = homeless(before)
    return tuple(name for name in homeless(after) if name not in had)


def drain(host: str, node: Node, *, why: str, down: tuple[str, ...] = (), alive: bool = True) -> Action:
    """Return the action that moves the tasks of a node elsewhere, and waits for them."""
    return SetNode(
        object=Ref(kind="node", name=host),
        why=f"{why}; its tasks move to other nodes{_except(down)}",
        changes=(_change("availability", node.spec.availability, Availability.DRAIN),),
        risk=Risk.DISRUPTIVE,
        host=host,
        planned_id=node.id if alive else "",
        node_id="" if alive else node.id,
        spec=NodeSpec(availability=Availability.DRAIN),
        down=down,
    )


def demote(host: str, node: Node, *, why: str, down: tuple[str, ...] = (), alive: bool = True) -> Action:
    """Return the action that makes a manager a worker; an engine that is not alive is not waited for."""
    return ChangeRole(
        object=Ref(kind="node", name=host),
        why=why,
        changes=(_change("role", node.spec.role, Role.WORKER),),
        host=host,
        planned_id=node.id if alive else "",
        node_id="" if alive else node.id,
        spec=NodeSpec(role=Role.WORKER),
        down=down,
    )


def _except(down: tuple[str, ...]) -> str:
    return f", but no node has room for {', '.join(down)}" if down else ""


def _change(path: str, before: object, after: object) -> Change:
    return Change(path=path, before=str(before), after=str(after))
