from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import CommandError
from tests.simulator.world import World
from tests.support.plans import reported
from tests.support.simulated_state import apply, planned, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulator.machine import Machine

STEPS = "- command: {argv: [touch, /x], unless: [test, -e, /x]}\n  on: w1"


def with_files(world: World, *, touch_works: bool = True) -> World:
    def touch(machine: Machine, argv: Sequence[str], _stdin: bytes) -> tuple[int, bytes, bytes]:
        if touch_works:
            machine.files[argv[1]] = b""
        return 0, b"", b""

    def test(machine: Machine, argv: Sequence[str], _stdin: bytes) -> tuple[int, bytes, bytes]:
        return (0 if argv[2] in machine.files else 1), b"", b""

    for machine in world.machines.values():
        machine.programs |= {"touch": touch, "test": test}
    return world


def test_a_command_runs_where_unless_does_not_hold_and_then_no_more() -> None:
    world = with_files(World(managers=1, workers=1))
    assert reported(apply(world, STEPS)) == ["command.run touch /x on w1"]
    assert "/x" in world.machines["w1"].files
    assert planned(world, STEPS).is_empty


def test_a_command_without_unless_always_runs_and_says_so() -> None:
    world = with_files(World(managers=1))
    made = planned(world, "- command: {argv: [touch, /x]}")
    assert [(action.always, action.why) for action in made.actions] == [(True, "it always runs: it has no 'unless'")]


def test_a_command_that_does_not_do_what_unless_asks_for_fails() -> None:
    world = with_files(World(managers=1, workers=1), touch_works=False)
    with pytest.raises(CommandError, match="w1: touch /x exited 0, but test -e /x still exits 1"):
        run(world, planned(world, STEPS))


def test_a_command_that_fails_tells_what_it_printed() -> None:
    world = World(managers=1)
    with pytest.raises(CommandError, match="m1: frobnicate exited 127: frobnicate: not found"):
        apply(world, "- command: {argv: [frobnicate]}")
