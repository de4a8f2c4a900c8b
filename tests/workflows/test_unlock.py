from __future__ import annotations

import pytest

from swarmnet.errors import DocumentError
from swarmnet.model.base import Secret
from swarmnet.model.swarm import SwarmSpec
from swarmnet.plan.recovery.describe import document
from swarmnet.workflows.fleet.observe import Look, observe
from swarmnet.workflows.unlock import Answer, unlock
from tests.simulator import World
from tests.support.backups import CREATED
from tests.support.goals import run

SITE = "schema: 1\nname: site\nsteps:\n  - swarm: {autolock: true, unlock_key_file: key}\n"


def _restarted(*hosts: str) -> World:
    """Return a cluster of three managers with autolock, of which some were restarted."""
    world = World(managers=3)
    world.bootstrap(SwarmSpec(autolock=True))
    for host in hosts:
        world.stop_engine(host)
        world.start_engine(host)
    return world


def _key(world: World) -> Secret:
    key = world.store("m1").unlock_key
    assert key is not None
    return key


def test_locked_managers_are_unlocked_and_the_others_left_alone() -> None:
    world = _restarted("m2")
    answers = unlock(world.ports(), _key(world), ["m1", "m2", "m3"])
    assert [one.answer for one in answers] == [Answer.NOT_LOCKED, Answer.UNLOCKED, Answer.NOT_LOCKED]
    assert [request.host for request in world.writes] == ["m2"]


def test_a_whole_cluster_that_lost_power_comes_back_with_one_command() -> None:
    world = _restarted("m1", "m2", "m3")
    answers = unlock(world.ports(), _key(world), ["m1", "m2", "m3"])
    assert {one.answer for one in answers} == {Answer.UNLOCKED}
    assert observe(world.ports()).swarm is not None


def test_a_wrong_key_opens_nothing_and_is_not_shown() -> None:
    world = _restarted("m2")
    (answer,) = unlock(world.ports(), Secret("SWMKEY-1-c4n4ry"), ["m2"])
    assert answer.answer is Answer.WRONG_KEY
    assert "c4n4ry" not in answer.detail
    assert observe(world.ports()).locked == ("m2",)


def test_a_host_that_does_not_answer_is_reported_and_stops_no_other() -> None:
    world = _restarted("m2")
    world.kill("m1")
    dead, locked = unlock(world.ports(), _key(world), ["m1", "m2"])
    assert (dead.answer, dead.detail) == (Answer.FAILED, "no route to host")
    assert locked.answer is Answer.UNLOCKED


def test_applying_autolock_keeps_the_engine_s_key_and_proves_it_by_a_second_look() -> None:
    world = World(managers=3)
    report = run(world, SITE)
    assert report.exit_code == 0
    assert world.operator_files == {"key": world.store("m1").unlock_key}


def test_a_file_that_holds_another_key_stops_the_run_before_anything_is_changed() -> None:
    world = World(managers=1)
    world.operator_files["key"] = Secret("of another cluster")
    with pytest.raises(DocumentError, match="not overwritten"):
        run(world, SITE)
    assert world.writes == []


def test_neither_plan_nor_backup_holds_the_key() -> None:
    world = World(managers=1)
    report = run(world, SITE)
    key = _key(world).reveal().decode()
    state = observe(world.ports(), Look(unlock_key_file="key"))
    taken = document(state, cluster="sim", backup_id="ab" * 16, created=CREATED, tool="t")
    assert key not in report.model_dump_json() + state.model_dump_json() + taken.model_dump_json()
    assert "unlock_key_file" not in taken.model_dump_json()
