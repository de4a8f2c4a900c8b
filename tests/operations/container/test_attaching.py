"""Whatever puts a container on networks waits for its node and its managers, in one way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ConvergenceError, SwarmnetError
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.plain_container import PlainContainer
from swarmnet.workflows.fleet.observe import Look, observe
from tests.simulator import World
from tests.support import plans

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState, Container

NAME, IMAGE = "box", "box:1"
LOOK = Look(containers=True, made=frozenset({NAME}))
CREATE: Mapping[str, object] = {"name": NAME, "image": IMAGE, "networks": ["data"]}
CONNECT: Mapping[str, object] = {"container": NAME, "network": "data"}
STEPS: dict[str, tuple[str, Mapping[str, object], tuple[str, ...] | None]] = {
    "container.create": ("container", CREATE, None),
    "container.start": ("container", {**CREATE, "restart": "always"}, ("data",)),
    "container.replace": ("container", {**CREATE, "env": {"A": "1"}}, ("data",)),
    "endpoint.connect": ("connect", CONNECT, ()),
    "endpoint.reconnect": ("connect", {**CONNECT, "aliases": ["b"]}, ("data",)),
}
"""Steps that put a container on a network of the swarm: the step, and where the container is before, if there."""
LATE = {"unfound": "could not find a network", "unattached": "context deadline exceeded"}
"""What keeps a container off a network for a while, and the engine's words."""


@pytest.fixture
def world() -> World:
    world = World(managers=1, workers=1)
    world.bootstrap()
    for number, name in enumerate(("data", "more", "rest"), start=1):
        subnet = Subnet(subnet=f"10.{number}.0.0/24", gateway=f"10.{number}.0.1")
        world.engine("m1").networks.create(NetworkSpec(name=name, attachable=True, subnets=(subnet,)))
    world.settle()
    world.machines["w1"].images.add(IMAGE)
    return world


def look(world: World) -> ClusterState:
    return observe(world.ports(), LOOK)


def present(world: World) -> Container | None:
    return look(world).container("w1", NAME)


def place(world: World) -> set[str]:
    seen = present(world)
    assert seen is not None
    assert seen.running
    return {one.network for one in seen.endpoints if one.address}


def action_of(world: World, kind: str) -> Action:
    """Return the only action of a step, with the container as it is before."""
    step, fields, before = STEPS[kind]
    plain = world.engine("w1").plain
    if before is not None:
        spec = PlainContainer(name=NAME, image=IMAGE, restart="always" if kind == "container.start" else None)
        made = plain.create(NAME, spec, tuple(EndpointSpec(network=one) for one in before))
        plain.start(made)
        if kind == "container.start":
            plain.stop(made, 1.0)
    text = f"  - {step}: {json.dumps(fields)}\n    on: w1\n"
    (action,) = plans.plan(text, look(world), world.inventory).actions
    assert action.kind == kind
    return action


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("kind", STEPS)
def test_a_node_or_managers_that_are_late_are_asked_again(world: World, kind: str, late: str) -> None:
    action = action_of(world, kind)
    setattr(world.machines["w1"], late, 2)

    action.run(world.ports())

    assert "data" in place(world)


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("kind", STEPS)
def test_those_that_never_come_end_the_wait_with_the_engines_own_words(world: World, kind: str, late: str) -> None:
    action = action_of(world, kind)
    setattr(world.machines["w1"], late, 1000)

    with pytest.raises(ConvergenceError, match=f"waited 60 s .* {LATE[late]}") as caught:
        action.run(world.ports())

    assert "is back" not in str(caught.value)


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("kind", ["container.replace", "endpoint.reconnect"])
def test_the_way_back_waits_for_them_too(world: World, kind: str, late: str) -> None:
    action = action_of(world, kind)
    attempts = {"unfound": 200, "unattached": 5}[late]
    setattr(world.machines["w1"], late, attempts)

    with pytest.raises(SwarmnetError, match="is back"):
        action.run(world.ports())

    assert place(world) == {"data"}


def test_a_new_container_that_is_never_attached_is_removed_again(world: World) -> None:
    action = action_of(world, "container.create")
    world.machines["w1"].unattached = 1000

    with pytest.raises(ConvergenceError):
        action.run(world.ports())

    assert present(world) is None


@pytest.mark.parametrize("engine", ["20.10", "26.1", "28.5"])
def test_one_that_docker_run_made_on_several_networks_is_started_until_the_engine_knows_them(
    world: World, engine: str
) -> None:
    machine, plain, names = world.machines["w1"], world.engine("w1").plain, ("data", "more", "rest")
    machine.run_engine(engine)
    machine.with_mode.add(NAME)
    spec = PlainContainer(name=NAME, image=IMAGE, restart="always")
    plain.create(NAME, spec, tuple(EndpointSpec(network=one) for one in names))
    text = f"  - container: {json.dumps({'name': NAME, 'image': IMAGE, 'restart': 'always'})}\n    on: w1\n"
    (action,) = plans.plan(text, look(world), world.inventory).actions

    action.run(world.ports())

    assert place(world) == {*names}
