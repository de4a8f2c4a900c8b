"""What a run does with the locks that runs before it left, though it may have nothing else to do."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.model.events import Progress
from swarmnet.model.lock import STALE, Claim
from swarmnet.workflows.apply import apply
from swarmnet.workflows.fleet.observe import observe
from swarmnet.workflows.lock.holders import WATCH, holders
from swarmnet.workflows.lock.stores import FilePlace, SwarmPlace
from tests.simulator import World
from tests.support.goals import goal, operator, run, terms

if TYPE_CHECKING:
    from swarmnet.model.lock import Operator

HERS = operator("hers", machine="her laptop")


def test_a_run_that_finds_nothing_to_do_takes_the_lock_of_a_killed_one_away() -> None:
    world = World(managers=1)
    run(world)
    dead = operator("dead", alive=False)
    SwarmPlace(world.ports()).take(Claim.of(dead, cluster="sim", command="apply", since=world.clock.now()))

    report = apply(world.ports(), goal(world.inventory), replace(terms(), operator=operator(alive=False)))

    assert report.outcomes == ()
    assert world.engine("m1").configs.list() == ()


def bootstrapped_with_files_of(who: Operator) -> World:
    """Return a world in which nothing is left to do but for the files of a run that was killed before the swarm."""
    world = World(managers=3)
    claim = Claim.of(who, cluster="sim", command="apply", since=world.clock.now())
    run(world)
    assert all(FilePlace(world.ports(), host, "sim").take(claim) for host in world.machines)
    return world


def lock_files(world: World) -> list[str]:
    return [file.name for machine in world.machines.values() for file in machine.lock_files]


def grow_old(world: World) -> None:
    """Let the hosts' own clocks say that the locks were untouched for longer than a live run leaves them."""
    for machine in world.machines.values():
        for file in machine.lock_files:
            os.utime(file, (file.stat().st_mtime - STALE - 1,) * 2)


def test_a_run_that_finds_nothing_to_do_removes_the_files_of_a_bootstrap_that_was_killed_here() -> None:
    world = bootstrapped_with_files_of(operator("dead", alive=False))

    report = apply(world.ports(), goal(world.inventory), replace(terms(), operator=operator(alive=False)))

    assert report.outcomes == ()
    assert lock_files(world) == []


def test_a_run_that_finds_nothing_to_do_removes_files_without_a_heartbeat_after_one_look_at_their_holder() -> None:
    world = bootstrapped_with_files_of(HERS)
    grow_old(world)
    begun = world.clock.monotonic()

    apply(world.ports(), goal(world.inventory), terms())

    assert lock_files(world) == []
    assert WATCH <= world.clock.monotonic() - begun < 2 * WATCH


def test_a_run_with_work_removes_the_old_files_too_with_one_look_at_their_holder() -> None:
    world = bootstrapped_with_files_of(HERS)
    grow_old(world)
    world.engine("m1").networks.remove(
        next(net.id for net in world.engine("m1").networks.list() if net.spec.name == "back")
    )
    begun = world.clock.monotonic()

    assert run(world).exit_code == 0

    assert lock_files(world) == []
    assert WATCH <= world.clock.monotonic() - begun < 2 * WATCH


def test_a_run_that_finds_nothing_to_do_reports_a_live_lock_and_leaves_it() -> None:
    world = bootstrapped_with_files_of(HERS)
    heard: list[str] = []
    ports = world.ports(listener=lambda event: heard.append(event.text) if isinstance(event, Progress) else None)

    assert apply(ports, goal(world.inventory), terms()).exit_code == 0

    assert len(lock_files(world)) == 3
    assert any("ann on her laptop" in text and "may be changing the cluster now" in text for text in heard)


def test_a_host_whose_lock_cannot_be_looked_at_hides_no_other_lock() -> None:
    world = bootstrapped_with_files_of(HERS)
    ports = world.ports()
    state = observe(ports)
    world.kill("m2")

    assert [holder.place for holder in holders(ports, state)] == ["m1", "m3"]
