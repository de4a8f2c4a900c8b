"""Tasks that run by their managers' word, while their containers do not by their engines': paused, for one. Pure.

Managers learn of containers that end, and not of those that are paused: ``docker service ps`` calls such a task
running, its addresses and names stay, and its kernel goes on to accept connections.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.find import by_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.service import Task
    from swarmnet.model.state import ClusterState, HostFacts

PAUSED, RESTARTING = "paused", "restarting"
LASTING = (PAUSED, RESTARTING, "dead")
"""What an engine calls containers that stay so; managers learn at once of those that end in any other way."""


@dataclass(frozen=True, slots=True)
class Halted:
    """A task whose container does not run."""

    service: str
    task: Task
    host: str
    word: str
    """What the engine calls the container."""

    def __str__(self) -> str:
        """Return ``web.2 on m1 is paused``."""
        return f"{self.task.called(self.service)} on {self.host} is {self.word}"

    @property
    def cure(self) -> str:
        """What to do, with the command."""
        return cure_of(self.word, self.host, self.task.container_id or "")


def halted(state: ClusterState) -> tuple[Halted, ...]:
    """Return every halted task, by service, as far as engines were asked for the containers of tasks."""
    return tuple(sorted(_halted(state), key=lambda one: (one.service, one.task.slot or 0, one.host)))


def word_of(facts: HostFacts | None, container: str | None) -> str:
    """Return what an engine calls a container of a task that does not run; empty where it does, or is not known."""
    known = (facts.conditions or {}) if facts is not None else {}
    word = known.get(container or "", "")
    return word if word in LASTING else ""


def cure_of(word: str, host: str, container: str) -> str:
    """Return what to do about a container that does not run."""
    short = container[:12]
    if word == PAUSED:
        return f"on {host}: docker unpause {short}"
    if word == RESTARTING:
        return f"its engine restarts it again and again: on {host}: docker logs --tail 50 {short}"
    return f"on {host}: docker rm -f {short}"


def _halted(state: ClusterState) -> Iterator[Halted]:
    nodes = {facts.engine.membership.node_id: facts for facts in state.hosts}
    for task in state.tasks:
        facts, service = nodes.get(task.node_id or ""), by_id(state.services, task.service_id or "")
        if facts is None or service is None or not task.runs:
            continue
        if word := word_of(facts, task.container_id):
            yield Halted(service.spec.name, task, facts.host, word)
