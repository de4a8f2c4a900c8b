"""What is shown while a service rolls out: how far it is, each task on its way, and the error of each that fails."""

from __future__ import annotations

import pytest

from swarmnet.errors import ConvergenceError
from swarmnet.model.events import Event, Progress
from swarmnet.model.service import Service, ServiceSpec, Task
from swarmnet.operations.service.rollout import Rollout
from tests.simulator import World

SPEC = ServiceSpec(name="web", image="i", replicas=3)


class Watched:
    """A rollout whose tasks a test makes up, and the lines that it prints."""

    def __init__(self, before: frozenset[str] = frozenset()) -> None:
        self.world = World(managers=1, workers=1)
        self.world.bootstrap()
        self.lines: list[str] = []
        self.nodes = {node.hostname: node.id for node in self.world.engine("m1").nodes.list()}
        ports = self.world.ports(listener=self._hear)
        self.rollout = Rollout(ports, ports.manager(), "web", before)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.lines.append(event.text)

    def task(self, slot: int, state: str, *, wanted: str = "running", message: str = "", number: int = 1) -> Task:
        return Task(
            id=f"t{slot}-{number}",
            service_id="s",
            node_id=self.nodes["w1"] if state not in ("new", "pending") else None,
            slot=slot,
            state=state,
            desired_state=wanted,
            message=message,
        )

    def look(self, *tasks: Task, state: str | None = None) -> str:
        return self.rollout.look(_service(state), tasks)


def _service(state: str | None) -> Service:
    return Service(id="s", version=1, spec=SPEC, update_state=state, update_message="update paused due to failure")


def test_each_task_on_its_way_is_named_with_its_host_and_what_it_waits_for() -> None:
    watched = Watched(before=frozenset({"t3-1"}))
    words = watched.look(
        watched.task(1, "running"),
        watched.task(2, "preparing"),
        watched.task(3, "running"),
        watched.task(4, "pending", message="no suitable node (1 node not available)"),
    )

    assert words == (
        "1 of 3 tasks run; 1 of before still run; web.2 on w1 is preparing;"
        " web.4 is pending (no suitable node (1 node not available))"
    )
    assert watched.lines == []


def test_the_error_of_a_task_is_said_when_it_fails_and_once_for_each_place() -> None:
    watched = Watched()
    watched.look(watched.task(1, "failed", wanted="shutdown", message="of before"))
    for number in (2, 3, 4):
        tasks = [
            watched.task(1, "failed", wanted="shutdown", message="task: non-zero exit (7)", number=one)
            for one in range(2, number + 1)
        ]
        watched.look(*tasks, watched.task(1, "starting", number=number + 1))

    assert watched.lines == ["service web: web.1 on w1 failed: task: non-zero exit (7)"]


def test_progress_is_said_when_more_tasks_run_and_not_too_often() -> None:
    watched = Watched()
    for count in range(4):
        running = [watched.task(slot, "running") for slot in range(1, count + 1)]
        watched.look(*running, *(watched.task(slot, "new") for slot in range(count + 1, 4)))
        watched.world.clock.sleep(2)

    assert [line.partition(";")[0] for line in watched.lines] == ["service web: 2 of 3 tasks run"]


@pytest.mark.parametrize(
    ("state", "hint"),
    [
        ("paused", "swarmnet rollback web"),
        ("rollback_started", "puts back what was there before"),
        ("rollback_completed", "what was there before runs again"),
        ("rollback_paused", "both versions may run"),
    ],
)
def test_an_update_that_the_engine_stopped_ends_with_the_tasks_error_and_what_to_do(state: str, hint: str) -> None:
    watched = Watched()
    broken = watched.task(1, "failed", wanted="shutdown", message="task: non-zero exit (7)")
    watched.look(state="updating")
    watched.look(broken, state=state)

    with pytest.raises(ConvergenceError) as caught:
        watched.rollout.refuse(_service(state), (broken,))

    assert str(caught.value).startswith(f"update of service web is {state}: update paused due to failure; web.1 on w1")
    assert "task: non-zero exit (7)" in str(caught.value)
    assert hint in str(caught.value.hint)


def test_an_update_that_goes_on_or_is_done_is_not_refused() -> None:
    watched, refused = Watched(), []
    for state in (None, "updating", "completed", "paused"):
        try:
            watched.rollout.refuse(_service(state), ())
        except ConvergenceError:
            refused.append(state)

    assert refused == ["paused"]
