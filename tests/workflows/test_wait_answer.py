"""Waits for an answer from inside an overlay: asked by a probe that is there for as long as the wait, and no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.ports import ContainerSpec
from swarmnet.model.verification import OPERATOR_LABEL, PROBE_LABEL, STARTED_LABEL
from tests.simulator import World
from tests.support.goals import run
from tests.support.simulated_probe import Paths
from tests.support.verified_world import traces

if TYPE_CHECKING:
    from swarmnet.model.report import ApplyReport

PLAYBOOK = """\
schema: 1
name: site
steps:
  - swarm: {{}}
  - network: {{name: data, attachable: {attachable}, internal: true}}
  - service: {{name: db, image: "db:1", networks: [data]}}
  - wait: {{{wait}, network: data, timeout: 20s}}
  - service: {{name: app, image: "app:1", networks: [data]}}
"""


def _applied(world: World, wait: str = "tcp: 'db:5432'", *, attachable: str = "true") -> ApplyReport:
    return run(world, PLAYBOOK.format(attachable=attachable, wait=wait))


def _world() -> tuple[World, Paths]:
    world = World(managers=1, workers=2)
    world.bootstrap()
    return world, Paths(world)


@pytest.mark.parametrize("attachable", ["true", "false"])
def test_the_next_step_begins_when_the_name_answers_and_nothing_of_the_probe_is_left(attachable: str) -> None:
    world, paths = _world()

    report = _applied(world, "http: 'http://db:8080/health', status: 204", attachable=attachable)

    assert not report.failed
    assert not report.pending
    ((_host, task),) = paths.tried
    assert task["kind"] == "reach"
    assert [task[key] for key in ("name", "port", "path", "status")] == ["db", 8080, "/health", 204]
    assert "app" in [one.spec.name for one in world.engine("m1").services.list()]
    assert traces(world) == []


def test_a_name_that_does_not_answer_fails_the_run_with_what_was_seen_and_the_host_that_asked() -> None:
    world, paths = _world()
    paths.unanswered["db:5432"] = "10.0.1.2:5432: Connection refused"

    report = _applied(world)

    (failed,) = [outcome for outcome in report.outcomes if outcome.error]
    assert failed.target == "db:5432 on network data"
    assert "asked from m1: 10.0.1.2:5432: Connection refused" in str(failed.error)
    assert "app" not in [one.spec.name for one in world.engine("m1").services.list()]
    assert traces(world) == []


def test_a_probe_that_crashes_is_seen_as_such_and_leaves_nothing() -> None:
    world, paths = _world()
    paths.crash = set(world.machines)

    report = _applied(world)

    assert any("the probe on m1 does not answer" in str(outcome.error) for outcome in report.outcomes)
    assert traces(world) == []


def test_another_host_asks_where_one_takes_no_probe() -> None:
    world, paths = _world()
    world.unattachable.add("m1")

    assert not _applied(world).failed
    assert [host for host, _task in paths.tried] == ["w1"]
    assert traces(world) == []


def test_where_no_host_takes_a_probe_the_reason_of_each_is_said() -> None:
    world, paths = _world()
    world.unattachable |= set(world.machines)

    report = _applied(world)

    (failed,) = [outcome for outcome in report.outcomes if outcome.error]
    assert str(failed.error).startswith("no probe starts on network data: m1: ")
    assert all(f"; {host}: " in str(failed.error) for host in ("w1", "w2"))
    assert paths.tried == []
    assert traces(world) == []


def test_what_a_killed_run_left_goes_too() -> None:
    world, _paths = _world()
    labels = {PROBE_LABEL: "old", OPERATOR_LABEL: "gone:1", STARTED_LABEL: "1"}
    world.machines["w2"].images.add("old")
    world.engine("w2").start_container(ContainerSpec("swarmnet-probe-old-1", "old", (), labels))

    assert not _applied(world).failed
    assert traces(world) == []
