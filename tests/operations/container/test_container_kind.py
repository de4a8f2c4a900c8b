"""Containers as objects: pruned with our mark alone, host by host, removed by ``reset``, compared with a backup."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.differences import What
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.plain_container import PlainContainer
from swarmnet.model.plan import MANAGED_LABEL, Permit
from swarmnet.operations.playbook import provided_on
from swarmnet.plan.build import build
from swarmnet.plan.prune import with_removals
from swarmnet.plan.recovery.drift import drift
from swarmnet.plan.reset import reset
from swarmnet.workflows.fleet.observe import RECORDED, observe
from tests.simulator import World
from tests.support.plans import book, reported

if TYPE_CHECKING:
    from swarmnet.model.plan import Plan
    from swarmnet.model.state import ClusterState

LOOK = replace(RECORDED, made=frozenset({"tool", "tool.swarmnet-old"}))
STEP = "- container: {name: tool, image: 'tool:1', restart: always}\n  on: %s\n"


@pytest.fixture
def world() -> World:
    world = World(managers=1, workers=2)
    world.bootstrap()
    for host in ("w1", "w2"):
        _make(world, host, "tool", {MANAGED_LABEL: world.inventory.cluster})
        _make(world, host, "theirs", {})
    return world


def _make(world: World, host: str, name: str, labels: dict[str, str], image: str = "tool:1") -> None:
    engine = world.engine(host)
    engine.pull_image(image)
    spec = PlainContainer(name=name, image=image, labels=labels, restart="always")
    engine.plain.start(engine.plain.create(name, spec, (EndpointSpec(network="bridge"),)))


def _overlay(labels: dict[str, str]) -> NetworkSpec:
    return NetworkSpec(name="data", attachable=True, subnets=(Subnet(subnet="10.9.0.0/24"),), labels=labels)


def _look(world: World) -> ClusterState:
    return observe(world.ports(), LOOK)


def _pruned(world: World, steps: str) -> Plan:
    playbook = book(steps)
    plan = build(playbook, _look(world), world.inventory)
    return with_removals(plan, provided=frozenset(), provided_on=provided_on(playbook, world.inventory))


def test_prune_removes_ours_from_the_hosts_that_its_step_left(world: World) -> None:
    plan = _pruned(world, STEP % "w1")

    assert reported(plan) == ["prune.container container tool on w2"]
    assert plan.actions[0].permit is Permit.PRUNE
    plan.actions[0].run(world.ports())
    names = {host: {one.name for one in world.engine(host).containers()} for host in ("w1", "w2")}
    assert names == {"w1": {"tool", "theirs"}, "w2": {"theirs"}}
    assert _pruned(world, STEP % "w1").actions == ()


def test_a_network_goes_with_the_container_that_alone_used_it(world: World) -> None:
    engine = world.engine("w1")
    mark = {MANAGED_LABEL: world.inventory.cluster}
    world.engine("m1").networks.create(_overlay(mark))
    world.settle()
    engine.plain.remove("tool")
    spec = PlainContainer(name="tool", image="tool:1", labels=mark)
    engine.plain.start(engine.plain.create("tool", spec, (EndpointSpec(network="data"),)))

    plan = _pruned(world, "- swarm: {}\n")

    assert reported(plan)[-1] == "prune.network network data"
    for action in plan.actions:
        action.run(world.ports())
    assert _look(world).network("data") is None


def test_reset_removes_ours_before_the_hosts_leave(world: World) -> None:
    kinds = reported(reset(_look(world), world.inventory))
    assert [one for one in kinds if "container" in one] == [
        "reset.container container tool on w1",
        "reset.container container tool on w2",
    ]
    assert kinds.index("reset.container container tool on w2") < min(
        number for number, one in enumerate(kinds) if "leave" in one
    )


def test_containers_that_went_came_or_changed_differ_from_a_backup(world: World) -> None:
    before = _look(world)
    assert drift(before, _look(world)).differences == ()
    world.engine("w1").plain.remove("theirs")
    _make(world, "w1", "new", {})
    world.engine("w2").plain.remove("theirs")
    _make(world, "w2", "theirs", {"tier": "9"}, image="tool:2")
    world.engine("w2").plain.update("tool", PlainContainer(name="tool", image="tool:1", restart="no"))

    found = {one.object: one for one in drift(before, _look(world)).differences}

    assert {name: one.kind for name, one in found.items()} == {
        "container theirs on w1": What.MISSING,
        "container new on w1": What.ADDED,
        "container theirs on w2": What.CHANGED,
    }
    changes = {one.path: (one.before, one.after) for one in found["container theirs on w2"].changes}
    assert changes == {"image": ("tool:1", "tool:2"), "labels.tier": (None, "9")}


def test_places_on_networks_count_and_addresses_that_engines_chose_do_not(world: World) -> None:
    world.engine("m1").networks.create(_overlay({}))
    world.settle()
    box = next(one.id for one in world.engine("w1").containers() if one.name == "theirs")
    connect = partial(world.engine("w1").connect_container, box)
    connect(EndpointSpec(network="data"))
    before = _look(world)
    world.engine("w1").disconnect_container(box, "data")
    gone = drift(before, _look(world)).differences
    assert [change.path for one in gone for change in one.changes] == ["networks.data"]
    connect(EndpointSpec(network="data", ipv4="10.9.0.77"))
    (changed,) = drift(before, _look(world)).differences
    assert [change.path for change in changed.changes] == ["networks.data.ipv4"]


def test_nothing_differs_where_a_look_did_not_ask(world: World) -> None:
    assert drift(observe(world.ports()), _look(world)).differences == ()
