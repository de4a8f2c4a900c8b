"""Why no container of a party runs, as far as the managers say, and what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmnet.model.service import Task
    from swarmnet.model.state import ClusterState

STUCK = ("pending", "rejected", "failed")
"""States of tasks that say why a service has none that runs; the first one counts."""


@dataclass(frozen=True, slots=True)
class Idle:
    """What is wrong, then what to do."""

    words: str
    fix: str


def idle(state: ClusterState, party: str) -> Idle:
    """Return why no container of a service, or of ``HOST/CONTAINER``, runs."""
    host, _, name = party.rpartition("/")
    if host:
        return Idle(f"no container {name} runs on {host}", f"start it on {host}: docker start {name}")
    service = state.service(party)
    if service is None:
        fix = "apply the playbook that has it, or deploy its stack again"
        return Idle(f"no container of {party} runs: the service does not exist", fix)
    if service.spec.replicas == 0:
        words = f"no container of {party} runs: the service is scaled to 0"
        return Idle(words, f"give it tasks: docker service scale {party}=1")
    said = {task.state: task.message for task in state.tasks if task.service_id == service.id and task.message}
    starting = [
        task
        for task in state.tasks
        if task.service_id == service.id and task.state == "starting" and task.desired_state == "running"
    ]
    if starting:
        return _starting(state, party, starting)
    why = next((f": {said[one]}" for one in STUCK if one in said), "")
    fix = f"see why its tasks do not run: docker service ps --no-trunc {party}"
    return Idle(f"no container of {party} runs{why}", fix)


def _starting(state: ClusterState, party: str, tasks: list[Task]) -> Idle:
    """Say that containers run which the swarm does not count: a task starts until its health check has passed."""
    hosts = {one.engine.membership.node_id: one.host for one in state.hosts if one.engine.membership.node_id}
    places = [(hosts.get(task.node_id or "", "its host"), (task.container_id or "CONTAINER")[:12]) for task in tasks]
    many = len(tasks) > 1
    words = (
        f"no task of {party} runs: {len(tasks)} {'are' if many else 'is'} starting, on"
        f" {', '.join(sorted({host for host, _ in places}))}; until the health check of {'their' if many else 'its'}"
        f" container passes, {party} has no name and no address in the swarm"
    )
    host, container = places[0]
    fix = (
        f"see on {host} what the health check says: docker inspect -f '{{{{json .State.Health}}}}' {container}; if an"
        f" update brought it, undo that: docker service rollback {party}"
    )
    return Idle(words, fix)
