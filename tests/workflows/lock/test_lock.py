"""What the lock promises to two operators, on simulated engines and real shells."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import CommandError, LockedError
from swarmnet.model.events import Progress
from swarmnet.model.lock import LOCK_NAME, STALE, Claim
from swarmnet.model.network import NetworkSpec
from swarmnet.model.swarm import SwarmSpec
from swarmnet.workflows.fleet.observe import observe
from swarmnet.workflows.lock.holders import break_locks, holders
from swarmnet.workflows.lock.lock import held
from swarmnet.workflows.lock.stores import FilePlace, SwarmPlace
from tests.simulator import World
from tests.simulator.shell import real_sh
from tests.support.goals import operator, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from swarmnet.model.events import Event
    from swarmnet.model.lock import Holder, Operator
    from swarmnet.model.ports import Ports
    from swarmnet.workflows.lock.lock import Lock
    from tests.simulator.machine import Machine

HERS = operator("hers", machine="her laptop")
HIS = operator("bob", machine="bobs laptop")


def executable(path: Path, script: str) -> Path:
    """Write a program, and return the folder that it is in."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path.parent


def lock(world: World, who: Operator, *, wait: float = 0.0) -> AbstractContextManager[Lock]:
    ports = world.ports()
    return held(ports, observe(ports), operator=who, command="apply site.yml", wait=wait)


def break_all(ports: Ports) -> tuple[Holder, ...]:
    return break_locks(ports, holders(ports, observe(ports)))


def put(machine: Machine, contents: bytes) -> Path:
    """Leave a lock file on a host, and return it."""
    machine.locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = machine.locks / "swarmnet-lock-sim"
    file.write_bytes(contents)
    return file


def swarm() -> World:
    world = World(managers=1)
    world.bootstrap()
    return world


@pytest.mark.parametrize("world", [World(managers=3), swarm()], ids=["before there is a swarm", "in a swarm"])
def test_one_of_two_gets_it_and_the_other_when_it_is_free(world: World) -> None:
    with lock(world, HERS), pytest.raises(LockedError, match=r"ann on her laptop .* since 2026"), lock(world, HIS):
        pass

    with lock(world, HIS):
        pass


def test_is_released_when_the_run_fails() -> None:
    world = swarm()

    with pytest.raises(KeyboardInterrupt), lock(world, HERS):
        raise KeyboardInterrupt

    assert world.engine("m1").configs.list() == ()


def test_a_run_that_makes_the_swarm_locks_out_one_that_sees_the_swarm_already() -> None:
    world = World(managers=2)

    with lock(world, HERS):
        world.bootstrap(SwarmSpec())
        with pytest.raises(LockedError, match="her laptop"), lock(world, HIS):
            pass


def test_a_run_that_makes_the_swarm_takes_the_lock_of_the_swarm_too() -> None:
    world = World(managers=2)

    with lock(world, HERS) as mine:
        world.bootstrap()
        mine.enter_swarm()
        assert [config.spec.name for config in world.engine("m1").configs.list()] == [LOCK_NAME]

    assert world.engine("m1").configs.list() == ()
    assert [file for machine in world.machines.values() for file in machine.lock_files] == []


def test_waits_for_the_lock_as_long_as_asked() -> None:
    world = swarm()
    ports = world.ports()
    SwarmPlace(ports).take(Claim.of(HERS, cluster="sim", command="apply", since=world.clock.now()))
    begun = world.clock.monotonic()

    with pytest.raises(LockedError), lock(world, HIS, wait=5):
        pass

    assert 5 <= world.clock.monotonic() - begun < 8


def test_a_lock_of_a_dead_process_of_this_machine_is_taken_over_at_once() -> None:
    world = swarm()
    dead = operator("dead", machine="bobs laptop")
    SwarmPlace(world.ports()).take(Claim.of(dead, cluster="sim", command="apply", since=world.clock.now()))
    begun = world.clock.monotonic()

    with lock(world, operator("bob", machine="bobs laptop", alive=False)):
        assert world.clock.monotonic() == begun


def test_a_lock_without_a_heartbeat_is_taken_over_after_a_look() -> None:
    world = swarm()
    SwarmPlace(world.ports()).take(Claim.of(HERS, cluster="sim", command="apply", since=world.clock.now()))
    world.clock.sleep(STALE + 1)

    with lock(world, HIS):
        (holder,) = holders(world.ports(), observe(world.ports()))

    assert holder.claim is not None
    assert holder.claim.machine == "bobs laptop"


def test_a_living_holder_whose_clock_is_wrong_keeps_its_lock() -> None:
    world = swarm()
    ports = world.ports()
    place = SwarmPlace(ports)
    claim = Claim.of(HERS, cluster="sim", command="apply", since=world.clock.now())
    place.take(claim)
    world.clock.sleep(STALE + 1)

    def beat_while_watched(event: Event) -> None:
        if isinstance(event, Progress) and "is alive" in event.text:
            place.beat(claim)

    watching = world.ports(listener=beat_while_watched)
    with pytest.raises(LockedError), held(watching, observe(watching), operator=HIS, command="apply"):
        pass


def test_a_heartbeat_moves_the_time_and_nothing_else() -> None:
    world = swarm()
    place = SwarmPlace(world.ports())
    claim = Claim.of(HERS, cluster="sim", command="apply", since=world.clock.now())
    place.take(claim)
    world.clock.sleep(30)

    assert place.beat(claim)

    holder = place.holder()
    assert holder is not None
    assert holder.claim == claim
    assert holder.age == 0


def test_a_run_whose_lock_was_broken_is_stopped_before_it_writes_again() -> None:
    world = swarm()
    ports = world.ports()

    with lock(world, HERS) as mine:
        (broken,) = break_all(ports)

        assert broken.claim is not None
        with pytest.raises(LockedError, match="broken by another operator"):
            mine.check()


def test_a_silent_manager_is_reported_and_another_ones_answer_is_enough() -> None:
    world = World(managers=3)
    world.bootstrap()
    heard: list[str] = []
    ports = world.ports(listener=lambda event: heard.append(event.text) if isinstance(event, Progress) else None)

    with held(ports, observe(ports), operator=HERS, command="apply") as mine, world.frozen("m1"):
        begun = time.monotonic()
        mine.check()
        assert time.monotonic() - begun < 60

    assert "waiting for the lock in the swarm to be seen, asking others meanwhile" in heard


def test_a_lock_that_was_broken_is_seen_though_the_manager_that_is_asked_first_is_silent() -> None:
    world = World(managers=3)
    world.bootstrap()

    with lock(world, HERS) as mine:
        break_all(world.ports())
        with world.frozen("m1"), pytest.raises(LockedError, match="broken by another operator"):
            mine.check()


def test_before_there_is_a_swarm_a_silent_hosts_file_is_looked_for_on_the_others() -> None:
    world = World(managers=3)

    with lock(world, HERS) as mine:
        with world.frozen("m3"):
            mine.check()
        world.revive("m3")
        break_all(world.ports())
        with world.frozen("m3"), pytest.raises(LockedError, match="broken by another operator"):
            mine.check()


def test_does_not_give_back_what_someone_else_took_meanwhile() -> None:
    world = swarm()
    ports = world.ports()

    with lock(world, HERS):
        break_all(ports)
        with lock(world, HIS):
            pass
        SwarmPlace(ports).take(Claim.of(HIS, cluster="sim", command="apply", since=world.clock.now()))

    (holder,) = holders(ports, observe(ports))
    assert holder.claim is not None
    assert holder.claim == Claim.of(HIS, cluster="sim", command="apply", since=holder.claim.since)


@pytest.mark.parametrize("contents", [b"\x00 nonsense", b""], ids=["nonsense", "empty"])
def test_a_file_that_cannot_be_read_is_a_lock_that_can_be_broken(contents: bytes) -> None:
    world = World(managers=1)
    put(world.machines["m1"], contents)
    ports = world.ports()

    with pytest.raises(LockedError, match="unreadable lock in m1"), lock(world, HERS):
        pass
    break_all(ports)

    with lock(world, HERS):
        pass


def test_a_heartbeat_that_is_overtaken_by_the_end_leaves_no_file(tmp_path: Path) -> None:
    world = World(managers=1)
    machine = world.machines["m1"]
    end_first = f'rm "{machine.locks}"/*; PATH={os.environ["PATH"]}; exec touch "$@"'

    with lock(world, HERS) as mine:
        machine.own_bin = executable(tmp_path / "touch", end_first)
        mine.beat(FilePlace(world.ports(), "m1", "sim"))

    assert machine.lock_files == []


def test_a_file_lock_that_is_given_back_while_it_is_looked_at_is_taken(tmp_path: Path) -> None:
    world = World(managers=1)
    machine = world.machines["m1"]
    given_back = f'rm -f "{machine.locks}"/*; PATH={os.environ["PATH"]}; exec stat "$@"'

    with lock(world, HERS):
        machine.own_bin = executable(tmp_path / "stat", given_back)
        with lock(world, HIS):
            machine.own_bin = None
            (holder,) = holders(world.ports(), observe(world.ports()))

    assert holder.claim is not None
    assert holder.claim.token == HIS.token


def test_a_file_lock_that_is_given_back_before_it_is_looked_at_is_taken() -> None:
    world = World(managers=1)
    machine = world.machines["m1"]
    held_file = put(machine, b"held")

    def given_back_after(machine: Machine, argv: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes]:
        ended = real_sh(machine, argv, stdin)
        del machine.programs["sh"]
        held_file.unlink()
        return ended

    machine.programs["sh"] = given_back_after
    with lock(world, HERS):
        pass

    assert machine.programs == {}


def test_a_host_without_space_is_reported_and_no_lock_is_left_there(tmp_path: Path) -> None:
    world = World(managers=1)
    machine = world.machines["m1"]
    machine.own_bin = executable(tmp_path / "cat", "echo 'No space left on device' >&2; exit 1")

    with pytest.raises(CommandError, match=r"cannot take the lock file .* No space left"), lock(world, HERS):
        pass

    assert machine.lock_files == []


def test_a_hostile_cluster_name_stays_a_file_name() -> None:
    world = World(managers=1)
    place = FilePlace(world.ports(), "m1", "../../etc/$(touch x)")

    assert place.take(Claim.of(HERS, cluster="x", command="apply", since=world.clock.now()))

    assert [path.name for path in world.machines["m1"].lock_files] == ["swarmnet-lock-.._.._etc_$(touch x)"]


def test_the_lock_does_not_count_as_drift() -> None:
    world = World(managers=1)
    run(world)

    with lock(world, HERS):
        world.engine("m1").networks.create(NetworkSpec(name="other"))
        assert run(world).outcomes == ()


def test_a_lock_from_the_future_is_watched_as_one_from_long_ago_is() -> None:
    world = swarm()
    since = world.clock.now() + timedelta(hours=2)
    place = SwarmPlace(world.ports())
    place.take(Claim.of(HERS, cluster="sim", command="apply", since=since))
    config = next(iter(world.engine("m1").configs.list()))
    labels = config.spec.labels | {"io.swarmnet.heartbeat": since.isoformat()}
    world.engine("m1").configs.update_labels(config.id, config.version, labels)

    with lock(world, HIS):
        (holder,) = holders(world.ports(), observe(world.ports()))

    assert holder.claim is not None
    assert holder.claim.machine == "bobs laptop"


def test_a_lock_that_was_made_though_the_answer_was_lost_is_held() -> None:
    world = swarm()
    world.lost_answers.append("config.create")

    with lock(world, HERS):
        (holder,) = holders(world.ports(), observe(world.ports()))

    assert holder.claim is not None
    assert holder.claim.machine == "her laptop"
    assert world.engine("m1").configs.list() == ()


def test_a_lock_is_given_back_once_there_is_a_leader_again() -> None:
    world = World(managers=3)
    world.bootstrap()

    def revive() -> None:
        world.start_engine("m2")
        world.tick()

    with lock(world, HERS):
        for host in ("m1", "m2"):
            world.stop_engine(host)
        world.clock.on_tick = revive

    assert world.engine("m2").configs.list() == ()
