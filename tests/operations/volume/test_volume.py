"""``volume``: created where it is missing, compared where it is there, and never replaced or removed."""

from __future__ import annotations

import json

import pytest

from swarmnet.model.plan import MANAGED_LABEL, Plan
from swarmnet.model.volume import VolumeSpec
from swarmnet.operations.volume.operation import VolumeOperation
from swarmnet.plan.prune import with_removals
from swarmnet.plan.recovery.drift import drift
from swarmnet.workflows.fleet.observe import Look, observe
from tests.simulator import World
from tests.support import plans

LOOK = Look(listed=frozenset({"volumes"}))


@pytest.fixture
def world() -> World:
    world = World(managers=1, workers=1)
    world.bootstrap()
    return world


def step(**fields: object) -> str:
    return f"  - volume: {json.dumps({'name': 'pgdata', **fields})}\n"


def plan(world: World, **fields: object) -> Plan:
    return plans.plan(step(**fields), observe(world.ports(), LOOK), world.inventory)


def test_is_created_on_each_selected_host_that_lacks_it(world: World) -> None:
    world.engine("w1").volumes.create(VolumeSpec(name="pgdata"))

    found = plan(world)
    for action in found.actions:
        action.run(world.ports())

    assert [str(action.object) for action in found.actions] == ["volume pgdata on m1"]
    assert world.engine("m1").volumes.list()[0].spec.labels == {MANAGED_LABEL: world.inventory.cluster}
    assert plan(world).actions == ()
    assert drift(found.predicted, observe(world.ports(), LOOK)).differences == ()


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"options": {"type": "nfs"}}, "options.type"), ({"driver": "rexray"}, "driver")],
)
def test_one_that_differs_is_a_problem_and_stays(world: World, fields: dict[str, object], named: str) -> None:
    world.engine("w1").volumes.create(VolumeSpec(name="pgdata", options={"type": "tmpfs"}))
    world.engine("m1").volumes.create(VolumeSpec(name="pgdata", options={"type": "tmpfs"}))

    said = plans.refusal(step(**fields), observe(world.ports(), LOOK), world.inventory)

    assert all(f"volume pgdata on {host} differs in {named}: " in said for host in ("m1", "w1"))
    assert "docker volume rm pgdata" in said


def test_labels_that_differ_are_a_warning_and_stay(world: World) -> None:
    for host in ("m1", "w1"):
        world.engine(host).volumes.create(VolumeSpec(name="pgdata", labels={"tier": "1"}))

    found = plan(world, labels={"tier": "2"})

    assert found.actions == ()
    assert any("labels.tier" in warning for warning in found.warnings)


def test_what_the_step_leaves_out_is_not_managed(world: World) -> None:
    for host in ("m1", "w1"):
        spec = VolumeSpec(name="pgdata", options={"type": "nfs", "o": "addr=10.0.0.9"}, labels={"a": "b"})
        world.engine(host).volumes.create(spec)

    assert plan(world, options={"type": "nfs"}).actions == ()
    assert plan(world).warnings == ()


def test_the_local_driver_refuses_options_that_it_does_not_know() -> None:
    (fault,) = VolumeOperation.model_validate({"name": "pgdata", "options": {"typ": "nfs"}}).faults()

    assert "the local driver has no option typ; it takes device, o, size, type" in fault


@pytest.mark.parametrize("name", ["x", "-x", "a/b", "", "../etc"])
def test_a_name_that_engines_refuse_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must have two or more letters"):
        VolumeOperation.model_validate({"name": name})


def test_prune_removes_no_volume(world: World) -> None:
    for action in plan(world).actions:
        action.run(world.ports())
    state = observe(world.ports(), LOOK)

    pruned = with_removals(Plan(cluster=world.inventory.cluster, actions=(), predicted=state), provided=frozenset())

    assert pruned.actions == ()


def test_hosts_are_asked_for_volumes_only_where_a_step_needs_them(world: World) -> None:
    assert observe(world.ports()).volumes("m1") is None
    assert observe(world.ports(), LOOK).volumes("m1") == ()
