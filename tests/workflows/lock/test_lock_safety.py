"""Locks next to other things: what is in the way, who may break which, and missing heartbeats (M6, M12, M13)."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.cli.wiring import this_operator
from swarmnet.errors import CommandError, HostError, LockedError, StateChangedError
from swarmnet.model.events import ActionStarted, Progress
from swarmnet.model.lock import LAPSED, LOCK_NAME, SHOWN, Claim, Pulse
from swarmnet.workflows.apply import apply
from swarmnet.workflows.fleet.observe import observe
from swarmnet.workflows.lock.holders import break_locks, holders
from swarmnet.workflows.lock.lock import Lock, held
from swarmnet.workflows.lock.stores import RELEASE_PATIENCE, FilePlace, LockStore, SwarmPlace
from tests.simulator import World
from tests.support.goals import SITE, goal, operator, run, terms
from tests.workflows.lock.test_lock import HERS, HIS, lock, put, swarm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from swarmnet.model.events import Event
    from swarmnet.model.lock import Holder
    from tests.simulator.machine import Machine


def claim(world: World) -> Claim:
    return Claim.of(HERS, cluster="sim", command="apply", since=world.clock.now())


def to_a_device(file: Path) -> None:
    file.symlink_to("/dev/zero")


def to_nothing(file: Path) -> None:
    file.symlink_to("nowhere")


IN_THE_WAY: dict[str, Callable[[Path], None]] = {
    "a FIFO": os.mkfifo,
    "a link to a device": to_a_device,
    "a link to nothing": to_nothing,
    "a folder": os.mkdir,
}


@pytest.mark.parametrize("kind", IN_THE_WAY)
@pytest.mark.parametrize("verb", ["take", "look", "beat", "give back"])
def test_what_is_not_a_lock_file_is_named_and_neither_followed_nor_waited_for(kind: str, verb: str) -> None:
    world = World(managers=1)
    put(world.machines["m1"], b"").unlink()
    stray = world.machines["m1"].locks / f"{LOCK_NAME}-sim"
    IN_THE_WAY[kind](stray)
    place, mine = FilePlace(world.ports(), "m1", "sim"), claim(world)
    deeds: dict[str, Callable[[], object]] = {
        "take": lambda: place.take(mine),
        "look": place.holder,
        "beat": lambda: place.beat(mine),
        "give back": lambda: place.drop(mine),
    }

    with pytest.raises(CommandError, match=f"{stray} is not a regular file; remove it"):
        deeds[verb]()

    assert os.path.lexists(stray)


def as_a_link(folder: Path) -> None:
    other = folder.with_name("elsewhere")
    other.mkdir()
    folder.symlink_to(other)


def as_a_file(folder: Path) -> None:
    folder.write_bytes(b"")


def for_everyone(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (as_a_link, "is not a folder"),
        (as_a_file, "is not a folder"),
        (for_everyone, "can be written by other users"),
    ],
)
def test_a_folder_that_others_made_holds_no_locks(make: Callable[[Path], None], words: str) -> None:
    world = World(managers=1)
    folder = world.machines["m1"].locks
    folder.parent.mkdir(parents=True, exist_ok=True)
    make(folder)

    with pytest.raises(CommandError, match=f"{folder} {words}"):
        run(world)

    assert list(folder.parent.glob("elsewhere/*")) == []


@pytest.mark.parametrize("whose", ["the folder", "the file"])
def test_files_of_other_users_are_not_believed(whose: str) -> None:
    world = World(managers=1)
    file = put(world.machines["m1"], claim(world).model_dump_json().encode())
    os.chown(file if whose == "the file" else file.parent, 4242, 4242)

    with pytest.raises(CommandError, match=r"belongs to another user; remove it"):
        run(world)


def test_looking_for_locks_makes_no_folder() -> None:
    world = World(managers=1)

    assert holders(world.ports(), observe(world.ports())) == ()

    assert not world.machines["m1"].locks.exists()


def test_a_lock_file_is_for_its_owner_alone() -> None:
    world = World(managers=1)

    with lock(world, HERS):
        (file,) = world.machines["m1"].lock_files
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("world", [World(managers=2), swarm()], ids=["before there is a swarm", "in a swarm"])
def test_breaking_a_lock_leaves_the_one_that_someone_else_took_meanwhile(world: World) -> None:
    ports = world.ports()
    with lock(world, HERS):
        shown = holders(ports, observe(ports))

    with lock(world, HIS):
        with pytest.raises(LockedError, match=r"is a different one now and was left alone: ann on bobs laptop"):
            break_locks(ports, shown)
        assert {token_of(holder) for holder in holders(ports, observe(ports))} == {HIS.token}


@pytest.mark.parametrize("world", [World(managers=2), swarm()], ids=["before there is a swarm", "in a swarm"])
def test_a_lock_is_broken_though_its_holder_lives_and_one_that_is_gone_is_not_an_error(world: World) -> None:
    ports = world.ports()

    with lock(world, HERS) as mine:
        shown = holders(ports, observe(ports))
        world.clock.sleep(1)
        for machine in world.machines.values():
            for file in machine.lock_files:
                os.utime(file, (1, 1))
        for place in [SwarmPlace(ports)] if world.machines["m1"].store else []:
            mine.beat(place)
        assert break_locks(ports, shown) == shown
        assert break_locks(ports, shown) == ()


def token_of(holder: Holder) -> str:
    return "" if holder.claim is None else holder.claim.token


class OddPlace(SwarmPlace):
    """A place whose heartbeats fail in an unexpected way."""

    def __init__(self, world: World) -> None:
        super().__init__(world.ports())
        self.beats = 0
        self.beaten = threading.Event()

    def beat(self, claim: Claim) -> bool:
        self.beats += 1
        if self.beats > 2:
            self.beaten.set()
            return super().beat(claim)
        raise KeyError("no error of a host")


def test_the_heartbeat_outlives_unexpected_errors_and_reports_them_once() -> None:
    world, reported = swarm(), list[str]()
    ports = world.ports(listener=lambda event: reported.extend([event.text] if isinstance(event, Progress) else []))
    mine, place = Lock(ports, HERS, command="apply", every=0.01), OddPlace(world)
    mine.take(place)
    try:
        assert place.beaten.wait(30)
    finally:
        mine.release()

    assert [text for text in reported if "KeyError" in text] == [
        "no heartbeat was sent to the swarm: KeyError: 'no error of a host'"
    ]


def test_a_heartbeat_that_is_always_overtaken_ends() -> None:
    world = swarm()
    place, mine = SwarmPlace(world.ports()), claim(world)
    place.take(mine)

    def overtake(machine: Machine) -> None:
        assert machine.store is not None
        (record,) = machine.store.configs.values()
        record.version = machine.store.write()
        world.meanwhile["config.update"] = overtake

    world.meanwhile["config.update"] = overtake
    with pytest.raises(StateChangedError):
        place.beat(mine)


def asleep(world: World, seconds: float) -> None:
    """Suspend the operator's machine: time passes, and no thread of the run does anything."""
    world.clock.sleep(seconds)


def test_a_run_that_was_suspended_sends_a_heartbeat_before_it_goes_on() -> None:
    world = swarm()

    with lock(world, HERS) as mine:
        asleep(world, LAPSED + 1)
        mine.permit()
        (holder,) = holders(world.ports(), observe(world.ports()))
        assert holder.age == 0


def test_a_run_that_was_suspended_begins_nothing_when_someone_took_its_lock() -> None:
    world, begun = World(managers=1), list[str]()
    run(world)
    changed = SITE + "  - network: {name: third}\n  - service: {name: web, image: 'i:1'}\n"

    def suspend(event: Event) -> None:
        if isinstance(event, ActionStarted):
            begun.append(event.target)
            asleep(world, LAPSED + 1)
            others = world.ports()
            break_locks(others, holders(others, observe(others)))
            SwarmPlace(others).take(claim(world))

    with pytest.raises(LockedError):
        apply(world.ports(listener=suspend), goal(world.inventory, changed), terms())

    assert begun == ["network third"]


def test_a_run_that_cannot_send_a_heartbeat_begins_nothing_more() -> None:
    world = World(managers=1)
    world.bootstrap()

    with lock(world, HERS) as mine:
        world.stop_engine("m1")
        mine.permit()
        asleep(world, LAPSED + 1)
        begun = world.clock.monotonic()
        with pytest.raises(LockedError, match=r"sent no heartbeat for \d+ s"):
            mine.permit()
        assert world.clock.monotonic() - begun <= RELEASE_PATIENCE + 1
        world.start_engine("m1")


def test_a_run_without_a_leader_waits_for_one_and_goes_on_with_its_lock() -> None:
    world = World(managers=3)
    world.bootstrap()

    def elect() -> None:
        world.start_engine("m2")
        world.tick()

    with lock(world, HERS) as mine:
        for host in ("m1", "m2"):
            world.stop_engine(host)
        asleep(world, LAPSED + 1)
        world.clock.on_tick = elect
        mine.permit()
        assert [holder.claim.token for holder in holders(world.ports(), observe(world.ports())) if holder.claim] == [
            HERS.token
        ]


def test_permission_costs_no_request_while_heartbeats_arrive() -> None:
    world = swarm()

    with lock(world, HERS) as mine:
        world.requests.clear()
        mine.permit()
        assert world.requests == []


ODD_PIDS = [0, -1, 1 - 2**31, 2**31, 2**40, 2**63, -(2**70), 10**300]


@pytest.mark.parametrize("pid", ODD_PIDS)
def test_a_process_number_that_none_can_have_is_read_and_tells_nothing(pid: int) -> None:
    world, me = swarm(), this_operator()
    odd = claim(world).model_copy(update={"machine": me.machine, "pid": pid})
    SwarmPlace(world.ports()).take(odd)

    (holder,) = holders(world.ports(), observe(world.ports()))

    assert holder.pulse(me) is Pulse.ALIVE
    assert len(str(holder)) < 4 * SHOWN


@given(
    user=st.text(max_size=300),
    machine=st.text(max_size=300),
    command=st.text(max_size=300),
    since=st.datetimes(timezones=st.just(UTC)),
)
@settings(max_examples=50, deadline=None)
def test_whatever_a_holder_wrote_of_itself_is_shown_on_one_line(
    user: str, machine: str, command: str, since: datetime
) -> None:
    world = swarm()
    odd = claim(world).model_copy(update={"user": user, "machine": machine, "command": command, "since": since})
    SwarmPlace(world.ports()).take(odd)

    with pytest.raises(LockedError) as caught, lock(world, HIS):
        pass

    assert caught.value.message.isprintable()


BEATS = ["nan", "inf", "", "2026-01-01T00:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1e999"]


@pytest.mark.parametrize("beat", BEATS)
def test_whatever_is_written_as_the_last_heartbeat_gives_a_finite_age_or_none(beat: str) -> None:
    world = swarm()
    SwarmPlace(world.ports()).take(claim(world))
    config = world.engine("m1").configs.list()[0]
    labels = config.spec.labels | {"io.swarmnet.heartbeat": beat}
    world.engine("m1").configs.update_labels(config.id, config.version, labels)

    (holder,) = holders(world.ports(), observe(world.ports()))

    assert "NaN" not in json.dumps(holder.model_dump(mode="json"), allow_nan=False)


SAID = [b"nan 1\n", b"inf 1:2\n", b"\n", b"1\n", b"x y\n", b"-5 1:2\n{}", b"9" * 500 + b" 1:2\n"]
SAID.append(b"1 1:2\n" + b"[" * 9999)


@pytest.mark.parametrize("said", SAID, ids=[str(number) for number in range(len(SAID))])
def test_whatever_a_host_says_of_its_lock_file_is_a_lock_or_that_hosts_failure(said: bytes) -> None:
    world = World(managers=1)
    world.machines["m1"].programs["sh"] = lambda _machine, _argv, _stdin: (0, said, b"")
    place: LockStore = FilePlace(world.ports(), "m1", "sim")

    try:
        holder = place.holder()
    except HostError:
        return

    assert holder is not None
    assert holder.claim is None
    json.dumps(holder.model_dump(mode="json"), allow_nan=False)


def test_a_lock_whose_holder_is_a_living_process_of_this_machine_is_not_taken_over() -> None:
    world, me = swarm(), this_operator()
    SwarmPlace(world.ports()).take(Claim.of(me, cluster="sim", command="apply", since=world.clock.now()))
    ports = world.ports()

    with pytest.raises(LockedError), held(ports, observe(ports), operator=operator(machine=me.machine), command="a"):
        pass
