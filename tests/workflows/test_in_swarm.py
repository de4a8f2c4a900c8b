"""The scheduler in the swarm: what install makes, what its loop does, and a look at hosts that only a job reaches."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.edge.backups.envelope import AgeEnvelope, enclosed
from swarmnet.edge.local import LocalPorts, local_engine
from swarmnet.edge.operator.clock import SystemClock
from swarmnet.errors import DamagedError, NotFoundError, RefusedError, SchemaError, UnreachableError, UsageError
from swarmnet.model.base import Secret
from swarmnet.model.events import ignore
from swarmnet.model.hosts import Availability, Inventory, Role
from swarmnet.model.in_swarm import (
    ASKED_LABEL,
    HISTORY_LABEL,
    LOOK,
    OPTIONS_LABEL,
    SCHEDULE_LABEL,
    SERVED_LABEL,
    SERVICE,
    HostAnswer,
    Member,
    Orders,
    Published,
)
from swarmnet.model.log import LogEntry
from swarmnet.model.schedule import History, RunRecord, Scheduler
from swarmnet.model.service import ServiceSpec
from swarmnet.model.swarm import NodeSpec
from swarmnet.plan.recovery.describe import own
from swarmnet.workflows.fleet.observe import RECORDED, observe
from swarmnet.workflows.in_swarm import (
    Installed,
    Wanted,
    asked,
    find,
    history_of,
    install,
    published,
    remove,
    signers,
    write_labels,
)
from swarmnet.workflows.in_swarm_look import Watch, joined, lines, observed, placed
from swarmnet.workflows.in_swarm_loop import Scheduler as Loop
from tests.simulator import World
from tests.support.goals import operator, run
from tests.support.nights import a_schedule

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from swarmnet.model.ports import EnginePort
    from swarmnet.model.state import ClusterState

SWARM = """\
schema: 1
name: site
steps:
  - swarm: {}
"""
SIGNER = "ssh-ed25519 AAAAnobody"
PUBLISHED = Published(
    at="0 3 * * *",
    repository="s3://backups/sim",
    max_age=172800,
    ping="https://ping.example",
    installed=datetime(2026, 1, 1, tzinfo=UTC),
)
WANTED = Wanted("sim", "scheduler:1", SIGNER, Secret("orders"), Secret("key"), PUBLISHED)
AGAIN = replace(WANTED, new_key=None)


@pytest.fixture
def world() -> World:
    made = World(managers=2, workers=1)
    run(made, SWARM)
    return made


def objects(world: World) -> tuple[list[str], list[str]]:
    manager = world.engine("m1")
    return [one.spec.name for one in manager.services.list()], sorted(one.spec.name for one in manager.secrets.list())


def test_a_second_install_changes_nothing(world: World) -> None:
    assert len(install(world.engine("m1"), WANTED).done) == 3
    before = objects(world)

    assert install(world.engine("m2"), AGAIN) == Installed()

    assert objects(world) == before
    assert signers(world.engine("m1")) == (SIGNER,)


def test_other_options_replace_the_secret_that_holds_them_and_no_memory_is_lost(world: World) -> None:
    manager = world.engine("m1")
    install(manager, WANTED)
    write_labels(manager, {HISTORY_LABEL: History(alarmed=datetime(2026, 1, 1, tzinfo=UTC)).model_dump_json()})
    first = objects(world)[1]

    install(manager, replace(AGAIN, orders=Secret("other orders")))

    services, secrets = objects(world)
    assert services == [SERVICE]
    assert len(secrets) == len(first) == 2
    assert secrets != first
    service = find(manager)
    assert service is not None
    assert history_of(service).alarmed == datetime(2026, 1, 1, tzinfo=UTC)
    assert {one.source for one in service.spec.secrets or ()} == set(secrets)


def test_any_machine_reads_in_the_swarm_what_its_schedule_is(world: World) -> None:
    manager = world.engine("m1")
    with pytest.raises(UsageError, match="runs no schedule itself"):
        asked(world.ports())
    install(manager, WANTED)
    assert published(asked(world.ports())) == ("sim", PUBLISHED)
    write_labels(manager, {OPTIONS_LABEL: "{}"})
    old = find(manager)
    assert old is not None
    with pytest.raises(SchemaError, match="another version"):
        published(old)

    done = install(manager, AGAIN)

    assert (done.done, done.old) == (("updated service swarmnet-schedule",), None), "no task is replaced for labels"


def test_nothing_secret_is_in_the_service(world: World) -> None:
    install(world.engine("m1"), replace(WANTED, orders=Secret("hush hush"), new_key=Secret("PRIVATE KEY")))
    (service,) = world.engine("m1").services.list()
    assert "hush" not in service.model_dump_json()
    assert "PRIVATE" not in service.model_dump_json()


def test_remove_takes_everything_away_and_nothing_else(world: World) -> None:
    manager = world.engine("m1")
    manager.services.create(ServiceSpec(name="web", image="web:1"))
    install(manager, WANTED)
    manager.services.create(ServiceSpec(name=LOOK, image="web:1", labels={SCHEDULE_LABEL: "sim"}))

    assert len(remove(manager)) == 3

    assert objects(world) == (["web"], [])
    assert remove(manager) == ()


@pytest.mark.parametrize("name", [SERVICE, LOOK])
def test_a_service_of_someone_else_is_left_alone(world: World, name: str) -> None:
    manager = world.engine("m1")
    manager.services.create(ServiceSpec(name=name, image="web:1"))
    with pytest.raises(RefusedError, match="not swarmnet's"):
        remove(manager)
    assert objects(world)[0] == [name]


def test_what_belongs_to_the_scheduler_is_in_no_backup(world: World) -> None:
    install(world.engine("m1"), WANTED)
    seen = observe(world.ports(), RECORDED)
    assert seen.services
    assert seen.secrets
    assert (own(seen).services, own(seen).secrets) == ((), ())


@dataclass
class Runs:
    """The runs of a loop: their ends are given."""

    world: World
    ends: list[RunRecord] = field(default_factory=list)
    begun: int = 0
    between: Callable[[], None] = lambda: None

    def __call__(self, _history: History) -> RunRecord:
        self.begun += 1
        self.between()
        started = self.world.clock.now()
        return self.ends.pop(0) if self.ends else RunRecord(started=started, exit_code=0, lines=("x" * 9999,))


def loop(world: World, root: Path, runs: Runs) -> Loop:
    install(world.engine("m1"), WANTED)
    installed = world.clock.now() - timedelta(days=2)
    schedule = a_schedule(root, with_=Scheduler.IN_SWARM, installed=installed)
    return Loop(schedule, runs, world.clock)


def test_a_missed_run_is_made_up_for_once_wherever_the_task_moves(world: World, tmp_path: Path) -> None:
    runs = Runs(world)
    assert loop(world, tmp_path, runs).turn(world.engine("m1"))

    moved = Loop(a_schedule(tmp_path), runs, world.clock)  # another container: it remembers nothing itself

    assert not moved.turn(world.engine("m2"))
    assert runs.begun == 1
    labels = world.engine("m1").services.list()[0].spec.labels
    assert len(labels[HISTORY_LABEL]) < 2000


def test_a_request_is_served_once(world: World, tmp_path: Path) -> None:
    runs = Runs(world)
    turns = loop(world, tmp_path, runs)
    turns.turn(world.engine("m1"))
    write_labels(world.engine("m1"), {ASKED_LABEL: "please"})

    assert [turns.turn(world.engine("m1")) for _ in range(3)] == [True, False, False]

    assert world.engine("m1").services.list()[0].spec.labels[SERVED_LABEL] == "please"


def test_a_run_that_could_not_begin_is_tried_again_after_minutes_not_at_once(world: World, tmp_path: Path) -> None:
    runs = Runs(world, [RunRecord(started=world.clock.now(), exit_code=11, retry=True)])
    turns = loop(world, tmp_path, runs)
    turns.turn(world.engine("m1"))
    assert not turns.turn(world.engine("m1"))
    world.clock.sleep(301)
    assert turns.turn(world.engine("m1"))


def test_no_run_follows_one_whose_end_could_not_be_written_down(world: World, tmp_path: Path) -> None:
    runs = Runs(world)
    turns = loop(world, tmp_path, runs)
    runs.between = lambda: world.kill("m2")  # the majority is gone, and with it every write

    for _ in range(2):
        with pytest.raises(Exception, match=r"leader|quorum|manager|deadline"):
            turns.turn(world.engine("m1"))
    world.revive("m2")
    world.clock.sleep(60)

    assert not turns.turn(world.engine("m1"))
    assert runs.begun == 1


def test_a_request_without_a_service_says_so(world: World) -> None:
    with pytest.raises(NotFoundError):
        write_labels(world.engine("m1"), {ASKED_LABEL: "please"})


class Answering:
    """A manager whose job does what the program does: each task prints what its engine says, sealed."""

    def __init__(self, world: World, envelope: AgeEnvelope, host: str = "m1") -> None:
        self.world, self.envelope, self.engine = world, envelope, world.engine(host)
        self.silent: set[str] = set()
        self.swapped = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.engine, name)

    def service_log(self, service: str) -> tuple[LogEntry, ...]:
        spec = next(one.spec for one in self.engine.services.list() if one.id == service)
        assert spec.args == ("look", self.envelope.public)
        nodes = {one.id: one.hostname for one in self.engine.nodes.list()}
        done = [one for one in self.engine.tasks(service=service) if one.state == "complete" and one.node_id]
        reported = [str(one.node_id) for one in done]
        saying = [*reversed(reported)] if self.swapped else reported
        return tuple(
            LogEntry(at="2026-01-01T00:00:00Z", node_id=node, task_id=node, text=line)
            for node, about in zip(reported, saying, strict=True)
            if nodes[node] not in self.silent
            for line in lines(self._answer(nodes[about]))
        )

    def _answer(self, host: str) -> bytes:
        alone = Inventory(cluster="here", hosts=(self.world.inventory.host(host).model_copy(update={"role": None}),))
        facts = observe(self.world.ports(alone), RECORDED).hosts[0]
        return enclosed(HostAnswer(facts=facts).model_dump_json().encode(), self.envelope.public)


def looked(world: World, manager: Answering, root: Path) -> ClusterState:
    install(world.engine("m1"), WANTED)
    orders = Orders(schedule=a_schedule(root), members=members(world), recipients=(), signers=())
    engine: EnginePort = manager  # type: ignore[assignment]  # the rest is the engine's
    return observed(Watch(orders, engine, lambda hosts, _here: world.ports(hosts), manager.envelope, operator(), 0.0))


def members(world: World) -> tuple[Member, ...]:
    return tuple(
        Member(host=one.hostname, role=one.spec.role or Role.WORKER, node_id=one.id, hostname=one.hostname)
        for one in world.engine("m1").nodes.list()
    )


def test_the_look_from_inside_sees_what_the_look_from_outside_sees(world: World, tmp_path: Path) -> None:
    seen = own(looked(world, Answering(world, AgeEnvelope()), tmp_path))
    outside = own(observe(world.ports(), RECORDED))
    assert seen.failures == ()
    assert seen.model_dump(exclude={"tasks"}) == outside.model_dump(exclude={"tasks"})
    assert objects(world)[0] == [SERVICE], "the job is gone"


def test_a_host_that_says_nothing_is_missing_and_the_others_are_not(world: World, tmp_path: Path) -> None:
    manager = Answering(world, AgeEnvelope())
    manager.silent = {"w1"}
    seen = looked(world, manager, tmp_path)
    assert [(one.host, one.reason) for one in seen.failures] == [("w1", "what its task printed did not arrive")]
    assert [one.host for one in seen.hosts] == ["m1", "m2"]


def test_a_host_that_speaks_for_another_is_not_believed(world: World, tmp_path: Path) -> None:
    manager = Answering(world, AgeEnvelope())
    manager.swapped = True
    assert {one.reason for one in looked(world, manager, tmp_path).failures} == {
        "its engine says that it is another node"
    }


def test_a_drained_host_is_missing_with_the_reason(world: World, tmp_path: Path) -> None:
    known = members(world)
    node = next(one for one in world.engine("m1").nodes.list() if one.hostname == "w1")
    world.engine("m1").nodes.update(node.id, node.version, NodeSpec(availability=Availability.DRAIN))
    world.settle()
    found = placed("sim", known, world.engine("m1").nodes.list())
    assert [one.reason for one in found.missing] == ["its node is set to drain, so no task can look at its engine"]
    assert [one.host for one in looked(world, Answering(world, AgeEnvelope()), tmp_path).failures] == ["w1"]


def test_a_host_is_found_by_its_hostname_when_it_joined_again_and_a_new_one_has_its_own_name(world: World) -> None:
    nodes = world.engine("m1").nodes.list()
    old = tuple(one.model_copy(update={"node_id": "gone"}) if one.host == "w1" else one for one in members(world))
    assert set(placed("sim", old, nodes).nodes) == {"m1", "m2", "w1"}
    found = placed("sim", old[:2], nodes)
    assert found.unknown == ("w1",)
    assert set(found.nodes) == {"m1", "m2", "w1"}
    gone = placed("sim", (*members(world), Member(host="w9", role=Role.WORKER, node_id="x", hostname="w9")), nodes)
    assert [(one.host, one.hint) for one in gone.missing] == [("w9", "run `swarmnet schedule install` again")]


@pytest.mark.parametrize("member", [True, False], ids=["in the schedule", "joined later"])
@pytest.mark.parametrize("status", ["ready", "down", "unknown"])
@pytest.mark.parametrize("availability", Availability)
def test_every_node_is_looked_at_or_missing_by_name_whatever_it_is_set_to(
    world: World, availability: Availability, status: str, *, member: bool
) -> None:
    """What no task can look at makes a backup partial: it is never left out silently."""
    nodes = [
        one.model_copy(update={"status": status, "spec": one.spec.model_copy(update={"availability": availability})})
        if one.hostname == "w1"
        else one
        for one in world.engine("m1").nodes.list()
    ]
    known = [one for one in members(world) if member or one.host != "w1"]

    found = placed("sim", known, nodes)

    looks = availability is Availability.ACTIVE and status == "ready"
    assert {*found.nodes} == {"m1", "m2", *(["w1"] if looks else [])}
    assert [one.host for one in found.missing] == ([] if looks else ["w1"])
    assert {one.name for one in found.inventory.hosts} == {"m1", "m2", "w1"}


def test_what_is_left_of_a_node_that_joined_again_is_not_missing(world: World) -> None:
    nodes = world.engine("m1").nodes.list()
    old = next(one for one in nodes if one.hostname == "w1").model_copy(update={"id": "older", "status": "down"})
    assert placed("sim", members(world), (*nodes, old)).missing == ()


@given(st.binary(max_size=30000), st.randoms())
def test_an_answer_is_whole_in_any_order_of_its_lines_and_never_half(data: bytes, chance: object) -> None:
    entries = [LogEntry(at="", node_id="n", task_id="t", text=text) for text in lines(data)]
    chance.shuffle(entries)  # type: ignore[attr-defined]
    assert joined(entries) == ({"n": data} if data else {})
    assert joined(entries[1:]) == {}


@given(st.binary(max_size=200))
def test_only_the_run_that_asked_opens_an_answer(data: bytes) -> None:
    mine, other = AgeEnvelope(), AgeEnvelope()
    sealed = enclosed(data, mine.public)
    assert mine.open(sealed) == data
    for wrong in (sealed[:-1], data, sealed + b"x"):
        with pytest.raises(DamagedError):
            mine.open(wrong)
    with pytest.raises(DamagedError):
        other.open(sealed)


def test_local_ports_reach_one_host_only(tmp_path: Path) -> None:
    world, clock = World(managers=2), SystemClock()
    ports = LocalPorts(world.inventory, "m1", local_engine("m1", str(tmp_path / "none.sock"), clock), clock, ignore)
    assert ports.shell("m1").run(["cat"], stdin=b"word").stdout == b"word"
    for host in ("m1", "m2"):
        with pytest.raises(UnreachableError):
            ports.engine(host).facts()
