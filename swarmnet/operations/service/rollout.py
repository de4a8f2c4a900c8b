"""What a rollout shows while it goes on: how far it is, each task on its way, and the error of each task that fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError
from swarmnet.model.clock import SAY_AFTER
from swarmnet.model.ports import progress
from swarmnet.model.printable import without_ids
from swarmnet.operations.service.task_errors import ENDED

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports, SwarmPort
    from swarmnet.model.service import Service, Task

NAMED = 3
"""Tasks on their way that are named; the others are counted."""
_ON_THE_WAY = ("new", "pending", "assigned", "accepted", "preparing", "ready", "starting")
_WHAT_TO_DO = {
    "paused": "correct the service and apply again, or go back: swarmnet rollback {name}",
    "rollback_started": "the engine puts back what was there before; correct the service and apply again",
    "rollback_completed": "what was there before runs again; correct the service and apply again",
    "rollback_paused": "the way back failed, too, and both versions may run: correct the service and apply again",
}
FAILED_UPDATES = tuple(_WHAT_TO_DO)


@dataclass(slots=True)
class Rollout:
    """Reports one wait for one service."""

    ports: Ports
    manager: SwarmPort
    name: str
    before: frozenset[str] = frozenset()
    """Ids of the tasks that the update ends."""
    _failed: dict[str, str] = field(default_factory=dict)
    """Task id to its error, of the tasks that failed since the wait began."""
    _known: frozenset[str] | None = None
    _nodes: dict[str, str] = field(default_factory=dict)
    _reported: set[tuple[str, str]] = field(default_factory=set)
    _count: tuple[int, float] | None = None

    def look(self, service: Service, tasks: tuple[Task, ...]) -> str:
        """Report what is new since the last look; return where the rollout is, in words."""
        failed = {task.id: task for task in tasks if task.state in ("failed", "rejected")}
        if self._known is None:
            self._known = frozenset(failed)
        for task in failed.values():
            if task.id not in self._known and task.id not in self._failed:
                self._fails(task)
        done, words = self._progress(service, tasks)
        self._advance(done, words)
        return words

    def refuse(self, service: Service, tasks: tuple[Task, ...]) -> None:
        """Raise ``ConvergenceError`` where the engine stopped the update or undid it, with what to do."""
        if service.update_state not in FAILED_UPDATES:
            return
        failed = [task for task in tasks if task.state in ("failed", "rejected")]
        said = "; ".join(list(dict.fromkeys(self._failed.values()) or dict.fromkeys(map(self._words, failed)))[-NAMED:])
        raise ConvergenceError(
            f"update of service {self.name} is {service.update_state}: {service.update_message}"
            + (f"; {said}" if said else ""),
            hint=_WHAT_TO_DO[service.update_state].format(name=self.name),
        )

    def _fails(self, task: Task) -> None:
        """Report a task's error, once for each task's number and error: restart policies repeat both."""
        self._failed[task.id] = self._words(task)
        key = (str(task.slot or task.node_id), without_ids(task.message))
        if key not in self._reported:
            self._reported.add(key)
            progress(self.ports)(f"service {self.name}: {self._failed[task.id]}")

    def _words(self, task: Task) -> str:
        return f"{self._called(task)} {task.state}: {without_ids(task.message) or 'no reason given'}"

    def _progress(self, service: Service, tasks: tuple[Task, ...]) -> tuple[int, str]:
        wanted = [task for task in tasks if task.desired_state in ("running", "ready") and task.state not in ENDED]
        new = [task for task in wanted if task.state == "running" and task.id not in self.before]
        coming = [task for task in wanted if task.state in _ON_THE_WAY]
        total = service.spec.replicas if service.spec.replicas is not None else len(wanted)
        old = sum(task.id in self.before and task.state == "running" for task in wanted)
        words = [f"{len(new)} of {total} tasks run"]
        words += [f"{old} of before still run"] if old else []
        words += [f"{self._called(task)} is {task.state}{_reason(task)}" for task in coming[:NAMED]]
        words += [f"{len(coming) - NAMED} more are on their way"] if len(coming) > NAMED else []
        words += list(dict.fromkeys(self._failed.values()))[-NAMED:]
        return len(new), "; ".join(words)

    def _advance(self, done: int, words: str) -> None:
        """Report that more tasks run than at the last report, at most every few seconds."""
        now = self.ports.clock.monotonic()
        if self._count is None:
            self._count = (done, now)
        elif done > self._count[0] and now - self._count[1] >= SAY_AFTER:
            self._count = (done, now)
            progress(self.ports)(f"service {self.name}: {words}")

    def _called(self, task: Task) -> str:
        """Return what people call a task, and where it is."""
        if task.node_id and task.node_id not in self._nodes:
            self._nodes = {node.id: node.name for node in self.manager.nodes.list()}
        where = self._nodes.get(task.node_id or "")
        return task.called(self.name) + (f" on {where}" if where else "")


def _reason(task: Task) -> str:
    """Return why a task waits, where its message is more than the name of its state."""
    return f" ({without_ids(task.message)})" if task.state == "pending" and task.message else ""
