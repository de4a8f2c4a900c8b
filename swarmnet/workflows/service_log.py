"""The log of services over all their tasks, in one order of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.model.log import LogLine
from swarmnet.model.standing import answered
from swarmnet.workflows.fleet.observe import Look, observe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from swarmnet.model.ports import Ports, SwarmPort
    from swarmnet.model.service import Service

STACK_LABEL = "com.docker.stack.namespace"
FOLLOW_EVERY = 1.0
"""Seconds between two looks of ``--follow``."""


@dataclass(slots=True)
class ServiceLog:
    """The log of some services; it remembers what it has returned."""

    ports: Ports
    services: tuple[Service, ...]
    tail: int | None = None
    """Lines of each task; None means all."""
    since: str | None = None
    """Time of RFC 3339, or None for the beginning."""
    _latest: str = ""
    _returned: set[tuple[str, str]] = field(default_factory=set)
    """Task and text of the lines with the latest time."""

    @classmethod
    def of(cls, ports: Ports, names: Sequence[str], *, tail: int | None, since: str | None) -> ServiceLog:
        """Return the log of the named services, or of all services of a named stack.

        Raises:
            IncompleteError: no manager answers for the swarm.
            UsageError: no service or stack has that name.
        """
        state = observe(ports, Look(hosts=frozenset()))
        answered(state, ports.inventory, hosts=())
        known = state.services
        found: dict[str, Service] = {}
        for name in names:
            mine = [one for one in known if one.spec.name == name]
            mine = mine or [one for one in known if one.spec.labels.get(STACK_LABEL) == name]
            if not mine:
                there = ", ".join(sorted(one.spec.name for one in known)) or "none"
                raise UsageError(f"no service and no stack {name!r}", hint=f"services: {there}")
            found |= {one.id: one for one in mine}
        return cls(ports, tuple(found.values()), tail, since)

    def lines(self) -> tuple[LogLine, ...]:
        """Return the lines that were not returned before, in the order of their times."""
        manager = self.ports.manager()
        names = {node.id: node.name for node in manager.nodes.list()}
        found = [line for service in self.services for line in self._of(manager, service, names)]
        found.sort(key=lambda line: line.at)
        fresh = [one for one in found if one.at > self._latest or not self._is_known(one)]
        for one in fresh:
            if one.at > self._latest:
                self._latest, self._returned = one.at, set()
            self._returned.add((one.task, one.text))
        self.since, self.tail = self._latest or self.since, None
        return tuple(fresh)

    def follow(self) -> Iterator[tuple[LogLine, ...]]:
        """Yield what is printed from now on, look by look, without end."""
        while True:
            yield self.lines()
            self.ports.clock.sleep(FOLLOW_EVERY)

    def _is_known(self, line: LogLine) -> bool:
        return line.at < self._latest or (line.task, line.text) in self._returned

    def _of(self, manager: SwarmPort, service: Service, names: dict[str, str]) -> Iterator[LogLine]:
        tasks = {task.id: task for task in manager.tasks(service=service.id)}
        name = service.spec.name
        for entry in manager.service_log(service.id, tail=self.tail, since=self.since):
            task = tasks.get(entry.task_id)  # managers forget old tasks before the nodes forget their logs
            called = entry.task_id if task is None else task.called(name)
            node = names.get(entry.node_id, entry.node_id)
            yield LogLine(at=entry.at, service=name, task=called, node=node, text=entry.text)
