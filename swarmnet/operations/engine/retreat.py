"""One node without tasks while its engine is replaced, and back as it was before.

What it was before is a label of its entry, written together with the drain and removed together with its return: an
interrupted run is continued by any operator, and a node that someone drained by hand is not taken for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError
from swarmnet.model.announced_losses import majority
from swarmnet.model.clock import until_stopped, wait_until
from swarmnet.model.find import by_id
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.placement import eligible
from swarmnet.model.ports import progress
from swarmnet.model.service import ServiceMode
from swarmnet.model.swarm import NodeSpec
from swarmnet.operations.service.converge import SERVICE_LIMIT, again_when_changed
from swarmnet.operations.swarm.moved_tasks import Leaving

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.ports import Ports
    from swarmnet.model.swarm import Node

    Looking = Callable[[], tuple[bool | None, str]]

RECORD = "io.swarmnet.engine-upgrade"
"""Label of a node whose engine is being replaced; its value is the availability that it had before."""


def had(node: Node) -> Availability | None:
    """Return what the availability of a node was before its engine was to be replaced; None where it is not."""
    word = node.spec.labels.get(RECORD)
    if word is None:
        return None
    return Availability(word) if word in list(Availability) else Availability.ACTIVE


@dataclass(frozen=True, slots=True)
class Retreat:
    """The tasks of one node, out of the way of its engine."""

    ports: Ports
    node_id: str
    name: str
    """The host, for people."""
    down: tuple[str, ...] = ()
    """Services that no other node has room for."""

    def begin(self) -> None:
        """Drain the node, and wait until its tasks run elsewhere; one that is drained stays as it is.

        Raises:
            ConvergenceError: its tasks do not run elsewhere, or it is not in the swarm.
        """
        manager = self.ports.manager()
        leaving: Leaving | None = None

        def write() -> None:
            nonlocal leaving
            node = self._node()
            if had(node) is not None or node.spec.availability is Availability.DRAIN:
                return
            before = node.spec.availability or Availability.ACTIVE
            labels = node.spec.labels | {RECORD: before.value}
            wanted = NodeSpec(role=node.spec.role, availability=Availability.DRAIN, labels=labels)
            leaving = Leaving.after(manager, node, wanted, down=self.down)
            manager.nodes.update(node.id, node.version, wanted)

        again_when_changed(write)
        if leaving is not None:
            leaving.wait(self.ports, manager)
        self._wait_until_empty()

    def end(self) -> None:
        """Give the node the availability back that it had, and wait for its tasks of global services.

        Raises:
            ConvergenceError: they do not run.
        """
        before: Availability | None = None

        def write() -> None:
            nonlocal before
            node = self._node()
            before = had(node)
            if before is not None:
                labels = {name: text for name, text in node.spec.labels.items() if name != RECORD}
                wanted = NodeSpec(role=node.spec.role, availability=before, labels=labels)
                self.ports.manager().nodes.update(node.id, node.version, wanted)

        again_when_changed(write)
        if before is Availability.ACTIVE:
            self._wait_until_everywhere()

    def _node(self) -> Node:
        node = by_id(self.ports.manager().nodes.list(), self.node_id)
        if node is None:
            raise ConvergenceError(f"{self.name} is not in the swarm any more (node id {self.node_id})")
        return node

    def _wait_until_empty(self) -> None:
        """Wait for tasks that a run before this one sent away, and was interrupted."""

        def look() -> tuple[bool | None, str]:
            left = [one for one in self.ports.manager().tasks() if one.node_id == self.node_id]
            running = [one for one in left if one.service_id is not None and one.state == "running"]
            return (None if running else True), f"{len(running)} still run there"

        self._wait(look, f"the tasks of {self.name} to end")

    def _wait_until_everywhere(self) -> None:
        def look() -> tuple[bool | None, str]:
            manager = self.ports.manager()
            nodes = [self._node()]
            wanted = [
                one
                for one in manager.services.list()
                if one.spec.mode is ServiceMode.GLOBAL and any(eligible(one.spec, nodes))
            ]
            running = {
                task.service_id for task in manager.tasks() if task.node_id == self.node_id and task.state == "running"
            }
            missing = [one.spec.name for one in wanted if one.id not in running]
            return (None if missing else True), f"{', '.join(missing)} does not run there yet"

        self._wait(look, f"the global services to run on {self.name} again")

    def _wait(self, look: Looking, what: str) -> None:
        looked = until_stopped(self.ports.clock, look)
        wait_until(self.ports.clock, looked, what=what, timeout=SERVICE_LIMIT, tell=progress(self.ports))


def may_go(node: Node, nodes: tuple[Node, ...]) -> str | None:
    """Return why a manager cannot be without its engine for a moment, None when it can; a worker always can.

    The only manager can: while it is away nothing can be changed, and services run on.
    """
    managers = [one for one in nodes if one.spec.role is Role.MANAGER]
    if node.spec.role is not Role.MANAGER or len(managers) == 1:
        return None
    others = [one for one in managers if one.id != node.id and one.reachability == "reachable"]
    needed = majority(len(managers))
    if len(others) >= needed:
        return None
    return f"{len(others)} of {len(managers)} managers would answer without it, and {needed} must"
