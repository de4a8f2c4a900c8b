"""A run that takes the swarm apart keeps its lock to the end, though the config of the lock goes with the swarm."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import LockedError, SwarmnetError
from swarmnet.model.events import ActionFinished, Progress
from swarmnet.model.lock import LOCK_NAME
from swarmnet.model.report import OutcomeStatus
from swarmnet.plan.guard import Permissions
from swarmnet.plan.reset import reset
from swarmnet.workflows.apply import Goal, apply
from swarmnet.workflows.fleet.observe import Look, observe
from swarmnet.workflows.lock.lock import held
from tests.simulator import World
from tests.support.goals import operator, run, terms
from tests.workflows.lock.test_lock import executable

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.events import Event

HIS = operator("bob", machine="bobs laptop")
FULL = "echo 'No space left on device' >&2; exit 1"


class Listener:
    """Another operator, who tries to take the lock after each action."""

    def __init__(self, world: World, refused: type[SwarmnetError]) -> None:
        self.world, self.refused = world, refused
        self.heard: list[str] = []
        self.locked = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.heard.append(event.text)
        if isinstance(event, ActionFinished):
            ports = self.world.ports()
            with (
                pytest.raises(self.refused),
                held(ports, observe(ports), operator=HIS, command="apply"),
            ):
                pass
            self.locked += 1


def taken_apart(world: World, refused: type[SwarmnetError]) -> Listener:
    """Reset a cluster while another operator wants it, and never gets it."""
    other = Listener(world, refused)
    goal = Goal(
        make_plan=partial(reset, inventory=world.inventory),
        look=Look(),
        permissions=Permissions(dissolve=True),
        command="reset",
    )
    report = apply(world.ports(listener=other), goal, terms())
    assert {one.status for one in report.outcomes} == {OutcomeStatus.DONE}
    assert other.locked == len(report.outcomes)
    return other


def test_no_other_run_gets_in_while_the_swarm_goes_and_no_lock_is_left_or_missed() -> None:
    world = World(managers=3, workers=1)
    run(world)

    other = taken_apart(world, LockedError)

    assert all(machine.store is None for machine in world.machines.values())
    assert [text for text in other.heard if "lock" in text] == []
    assert [file for machine in world.machines.values() for file in machine.lock_files] == []


def test_a_manager_that_cannot_hold_a_file_is_reported_and_the_others_are_enough(tmp_path: Path) -> None:
    world = World(managers=2)
    run(world)
    world.machines["m1"].own_bin = executable(tmp_path / "cat", FULL)

    (reported,) = (text for text in taken_apart(world, SwarmnetError).heard if "lock" in text)

    assert reported.startswith("the lock in m1 cannot be taken: m1: cannot take the lock file")


def test_the_lock_stays_in_the_swarm_where_no_manager_can_hold_a_file(tmp_path: Path) -> None:
    world = World(managers=1)
    run(world)
    world.machines["m1"].own_bin = executable(tmp_path / "cat", FULL)
    ports = world.ports()

    with held(ports, observe(ports), operator=HIS, command="reset", ends_swarm=True) as lock:
        lock.check()
        assert LOCK_NAME in {one.spec.name for one in world.engine("m1").configs.list()}

    assert LOCK_NAME not in {one.spec.name for one in world.engine("m1").configs.list()}
