"""The loss of nodes as an exercise on a simulated cluster: what is refused and counted, and that nodes come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ExitCode, RefusedError, UsageError
from swarmnet.model.hosts import Availability
from swarmnet.model.lose import Answers, Door
from swarmnet.model.network import NetworkSpec
from swarmnet.model.service import PublishedPort, PublishMode, ServiceSpec
from swarmnet.model.swarm import NodeSpec
from swarmnet.workflows.lose import Wish, lose
from tests.simulator import World
from tests.support.goals import No, Switch, Yes, terms

if TYPE_CHECKING:
    from swarmnet.model.lose import LoseReport
    from swarmnet.workflows.apply import Terms


@dataclass
class Counts:
    """A counter whose ports answer, but for those named."""

    mute: frozenset[str] = frozenset()
    doors: tuple[Door, ...] = ()
    log: list[str] = field(default_factory=list)

    def begin(self, doors: tuple[Door, ...]) -> tuple[Door, ...]:
        self.log.append("begin")
        self.doors = tuple(door for door in doors if door.service not in self.mute)
        return tuple(door for door in doors if door.service in self.mute)

    def end(self) -> tuple[Answers, ...]:
        self.log.append("end")
        return tuple(Answers(service=one.service, port=one.port, sent=9, failed=1, gap=0.4) for one in self.doors)


def cluster() -> World:
    """Return three managers and two workers of one zone; ``web`` runs everywhere, ``one`` has a single task."""
    world = World(managers=3, workers=2)
    world.bootstrap()
    engine = world.engine("m1")
    engine.networks.create(NetworkSpec(name="front"))
    world.settle()
    mesh = (PublishedPort(target=80, published=8080),)
    own = (PublishedPort(target=80, published=9090, mode=PublishMode.HOST),)
    engine.services.create(ServiceSpec(name="web", image="x", replicas=5, ports=mesh))
    engine.services.create(ServiceSpec(name="one", image="x", replicas=1, ports=own))
    for node in engine.nodes.list():
        if node.hostname.startswith("w"):
            engine.nodes.update(node.id, node.version, NodeSpec(labels={"zone": "z"}))
    world.settle()
    return world


def lone_host(world: World) -> str:
    """Return the host that runs the single task of ``one``."""
    engine = world.engine("m1")
    (service,) = (one for one in engine.services.list() if one.spec.name == "one")
    nodes = {node.id: node.hostname for node in engine.nodes.list()}
    (where,) = (task.node_id for task in engine.tasks() if task.service_id == service.id and task.state == "running")
    assert where is not None
    return nodes[where]


def lost(world: World, word: str, counter: Counts | None = None, **wish: object) -> LoseReport:
    given = {"allow_down": frozenset({"one"}), **wish}
    return lose(world.ports(), Wish(word, **given), terms, terms, counter or Counts())  # type: ignore[arg-type]


def drained(world: World) -> set[str]:
    nodes = world.engine("m1").nodes.list()
    return {node.hostname for node in nodes if node.spec.availability is Availability.DRAIN}


def test_the_nodes_of_a_zone_are_drained_counted_and_take_tasks_again() -> None:
    world, counter = cluster(), Counts()
    report = lost(world, "zone=z", counter)
    assert (report.nodes, report.exit_code, report.failed) == (("w1", "w2"), ExitCode.DONE, ())
    assert report.moved["web"] == 2
    assert drained(world) == set()
    assert counter.log == ["begin", "end"]
    doors = {door.service: door for door in counter.doors}
    assert doors["web"].addresses == tuple(world.machines[name].address for name in ("m1", "m2", "m3"))
    assert doors["one"].addresses[0] == world.machines[lone_host(cluster())].address
    tasks = [one for one in world.engine("m1").tasks() if one.state == "running"]
    assert not {task.node_id for task in tasks} & {
        node.id for node in world.engine("m1").nodes.list() if node.hostname.startswith("w")
    }


def test_all_that_runs_of_a_service_is_at_stake_only_by_name() -> None:
    world = cluster()
    host = lone_host(world)
    counter = Counts()
    with pytest.raises(RefusedError, match=f"service one runs on {host} alone"):
        lost(world, host, counter, allow_down=frozenset())
    assert (drained(world), counter.doors) == (set(), ())
    assert lost(world, host, counter).moved["one"] == 1


def test_the_quorum_is_at_stake_only_on_request() -> None:
    world = cluster()
    engine = world.engine("m1")
    for node in engine.nodes.list():
        if node.hostname in ("m2", "m3"):
            engine.nodes.update(node.id, node.version, NodeSpec(labels={"rack": "r"}))
    with pytest.raises(RefusedError, match="1 of 3 managers are left"):
        lost(world, "rack=r")
    assert lost(world, "rack=r", allow_quorum=True).exit_code == ExitCode.DONE
    assert drained(world) == set()


def test_what_takes_no_tasks_and_what_is_not_there_is_refused() -> None:
    world = cluster()
    with pytest.raises(UsageError, match="no node has the label zone=y"):
        lost(world, "zone=y")
    with pytest.raises(UsageError, match="w9"):
        lost(world, "w9")
    engine = world.engine("m1")
    node = next(node for node in engine.nodes.list() if node.hostname == "w1")
    engine.nodes.update(node.id, node.version, NodeSpec(availability=Availability.DRAIN))
    with pytest.raises(RefusedError, match="w1 takes no tasks now"):
        lost(world, "w1")
    assert drained(world) == {"w1"}


def test_an_operator_who_says_no_has_nothing_changed_and_nothing_asked() -> None:
    world, counter = cluster(), Counts()
    world.requests.clear()
    with pytest.raises(RefusedError):
        lose(world.ports(), Wish("w1", allow_down=frozenset({"one"})), lambda: terms(consent=No()), terms, counter)
    assert (world.writes, counter.log) == ([], ["end"])


def test_ctrl_c_brings_the_nodes_back() -> None:
    world = cluster()
    stop = Switch()

    class Pressing(Yes):
        def ask(self, prepared: object, *, changed: bool) -> None:  # noqa: ARG002 - any plan
            stop.requested = True

    report = lose(
        world.ports(),
        Wish("w1", allow_down=frozenset({"one"})),
        lambda: terms(stop, Pressing()),
        terms,
        Counts(),
    )
    assert (report.interrupted, report.exit_code, drained(world)) == (True, ExitCode.INTERRUPTED, set())


def test_a_drain_that_fails_and_a_node_that_does_not_come_back_are_named() -> None:
    world = cluster()

    def refused() -> Terms:
        world.refusals = [("node.update", "")] * 9
        return terms()

    wish = Wish("w1", allow_down=frozenset({"one"}))
    report = lose(world.ports(), wish, terms, refused, Counts())
    assert (report.exit_code, drained(world), report.failed) == (ExitCode.FAILED, {"w1"}, ())
    assert report.not_back[0].startswith("node w1: ")

    world = cluster()
    report = lose(world.ports(), wish, refused, terms, Counts())
    assert (report.exit_code, report.not_back) == (ExitCode.FAILED, ())
    assert report.failed[0].startswith("node w1: ")


def test_ports_that_do_not_answer_are_not_measured() -> None:
    report = lost(cluster(), "w1", Counts(frozenset({"web", "one"})))
    assert {door.service for door in report.silent} == {"web", "one"}
    assert report.exit_code == ExitCode.INCOMPLETE
