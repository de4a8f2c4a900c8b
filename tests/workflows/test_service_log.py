"""What ``logs`` prints, of simulated tasks."""

from __future__ import annotations

import pytest

from swarmnet.edge.engine.wire.log import entries_from_wire, since_to_wire
from swarmnet.errors import UsageError
from swarmnet.model.log import LogEntry
from swarmnet.workflows.service_log import ServiceLog
from tests.simulator import World
from tests.support.goals import run

PLAYBOOK = """\
schema: 1
name: site
steps:
  - swarm: {}
  - service: {name: web, image: "nginx:1", replicas: 2, labels: {com.docker.stack.namespace: shop}}
"""


def printing() -> World:
    world = World(managers=1, workers=1)
    run(world, PLAYBOOK)
    return world


def prints(world: World, slot: int, second: int, text: str) -> None:
    task = next(one for one in world.engine("m1").tasks() if one.slot == slot)
    at = f"2026-01-01T00:00:{second:02d}.000000000Z"
    world.printed.append(LogEntry(at=at, node_id=task.node_id or "", task_id=task.id, text=text))


def texts(log: ServiceLog) -> list[str]:
    return [f"{one.task} {one.text}" for one in log.lines()]


def test_lines_of_all_tasks_are_in_one_order_of_time() -> None:
    world = printing()
    prints(world, 1, 1, "a")
    prints(world, 1, 3, "c")
    prints(world, 2, 2, "b")

    log = ServiceLog.of(world.ports(), ["web"], tail=None, since=None)

    found = log.lines()
    assert [f"{one.task} {one.text}" for one in found] == ["web.1 a", "web.2 b", "web.1 c"]
    assert {one.node for one in found} == {"m1", "w1"}


def test_a_second_look_returns_only_what_is_new_also_within_one_moment() -> None:
    world = printing()
    prints(world, 1, 1, "a")
    log = ServiceLog.of(world.ports(), ["web"], tail=10, since=None)
    assert texts(log) == ["web.1 a"]

    prints(world, 2, 1, "b")
    prints(world, 1, 2, "c")

    assert texts(log) == ["web.2 b", "web.1 c"]
    assert texts(log) == []


def test_a_tail_is_counted_for_each_task() -> None:
    world = printing()
    for second in range(4):
        prints(world, 1 + second % 2, second, str(second))

    assert texts(ServiceLog.of(world.ports(), ["web"], tail=1, since=None)) == ["web.1 2", "web.2 3"]


def test_a_stack_means_its_services_and_another_name_is_an_error() -> None:
    world = printing()
    assert [one.spec.name for one in ServiceLog.of(world.ports(), ["shop"], tail=None, since=None).services] == ["web"]
    with pytest.raises(UsageError, match="no service and no stack 'wbe'"):
        ServiceLog.of(world.ports(), ["wbe"], tail=None, since=None)


def test_engines_take_a_time_as_seconds_and_nanoseconds() -> None:
    assert since_to_wire("2026-01-01T00:00:01.000000002Z") == "1767225601.000000002"


def test_the_engines_lines_are_read_and_sorted_and_a_cut_one_is_left_out() -> None:
    about = "com.docker.swarm.node.id=n1,com.docker.swarm.service.id=s1,com.docker.swarm.task.id=t1"
    printed = f"e=t0 cut\n2026-01-01T00:00:02.5Z {about} two words\n2026-01-01T00:00:01.000000001Z {about} \n".encode()

    assert [(one.at, one.task_id, one.node_id, one.text) for one in entries_from_wire(printed)] == [
        ("2026-01-01T00:00:01.000000001Z", "t1", "n1", ""),
        ("2026-01-01T00:00:02.500000000Z", "t1", "n1", "two words"),
    ]
