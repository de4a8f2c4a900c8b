"""Whatever ends a container gives it its own time to stop, and waits as long as the operator allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ConvergenceError
from swarmnet.model.plain_container import PlainContainer
from swarmnet.model.plan import MANAGED_LABEL, Permit
from swarmnet.operations.container.kind import ContainerKind
from swarmnet.operations.removal import Removal
from swarmnet.workflows.fleet.observe import Look, observe
from tests.simulator import World
from tests.support import plans

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState

NAME, IMAGE = "box", "box:1"
LOOK = Look(containers=True, made=frozenset({NAME}))
OWN_TIME: dict[str, tuple[dict[str, object], float | None]] = {
    "none of its own": ({}, 10.0),
    "--stop-timeout 90": ({"stop_grace_period": 90}, 90.0),
    "--stop-timeout 0": ({"stop_grace_period": 0}, 0.0),
    "--stop-timeout -1": ({"extra": {"StopTimeout": -1}}, None),
}


@pytest.fixture
def world() -> World:
    world = World(managers=1, workers=1)
    world.bootstrap()
    world.machines["w1"].images.add(IMAGE)
    return world


def look(world: World) -> ClusterState:
    return observe(world.ports(), LOOK)


def run(world: World, fields: dict[str, object]) -> str:
    """Have a container of ours that runs."""
    mark = {MANAGED_LABEL: world.inventory.cluster}
    spec = PlainContainer.model_validate({"name": NAME, "image": IMAGE, "labels": mark, **fields})
    plain = world.engine("w1").plain
    made = plain.create(NAME, spec, ())
    plain.start(made)
    return made


def step(world: World, fields: str) -> Action:
    text = f"  - container: {{name: {NAME}, {fields}}}\n    on: w1\n"
    (action,) = plans.plan(text, look(world), world.inventory).actions
    return action


def removal(world: World) -> Action:
    seen = look(world).container("w1", NAME)
    assert seen is not None
    return Removal.of(ContainerKind(), seen, "w1", Permit.PRUNE, "pruned")


ENDS: dict[str, Callable[[World], Action]] = {
    "absent": lambda world: step(world, "absent: true"),
    "replaced": lambda world: step(world, f"image: '{IMAGE}', user: app"),
    "pruned": removal,
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("own", OWN_TIME)
def test_it_is_killed_no_sooner_than_it_says(world: World, end: str, own: str) -> None:
    fields, seconds = OWN_TIME[own]
    run(world, fields)

    ENDS[end](world).run(world.ports())

    (given,) = world.machines["w1"].graces.values()
    assert given == seconds


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("own", ["--stop-timeout 90", "--stop-timeout -1"])
def test_one_that_needs_longer_than_the_operator_waits_is_left_stopping(world: World, end: str, own: str) -> None:
    made = run(world, OWN_TIME[own][0])
    action = ENDS[end](world)
    world.clock.patience = 30.0

    with pytest.raises(ConvergenceError, match="container box on w1 is still stopping") as caught:
        action.run(world.ports())

    assert "--timeout" in (caught.value.hint or "")
    assert "is back" not in str(caught.value)
    assert [one.id for one in world.engine("w1").containers()] == [made]
    assert world.clock.monotonic() >= 30.0
