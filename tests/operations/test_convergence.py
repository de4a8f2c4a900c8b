"""What waiting for a service means, and what it costs the manager."""

from __future__ import annotations

import pytest

from swarmnet.errors import ConvergenceError
from swarmnet.model.network import NetworkSpec
from swarmnet.model.service import Attachment, ServiceMode, ServiceSpec
from swarmnet.operations.convergence import SERVICE_EVERY, wait_for_attached, wait_for_service
from tests.simulator.world import World


@pytest.fixture
def world() -> World:
    world = World(managers=1, workers=1)
    world.bootstrap()
    world.engine("m1").create_network(NetworkSpec(name="front"))
    world.settle()
    spec = ServiceSpec(name="web", image="i", mode=ServiceMode.GLOBAL, networks=(Attachment(network="front"),))
    world.engine("m1").create_service(spec)
    return world


def test_a_network_has_its_service_back_while_the_engine_still_watches_the_update(world: World) -> None:
    world.settle()
    (record,) = world.store("m1").services.values()
    record.update_state = "updating"
    wait_for_attached(world.ports(), "web", "front", timeout=0)
    with pytest.raises(ConvergenceError, match="updating"):
        wait_for_service(world.ports(), "web", timeout=0)


def test_a_service_with_one_task_beside_the_network_is_not_back_on_it(world: World) -> None:
    world.settle()
    task = next(iter(world.store("m1").tasks.values()))
    task.networks = {}
    with pytest.raises(ConvergenceError, match="1 tasks are off"):
        wait_for_attached(world.ports(), "web", "front", timeout=0)


@pytest.mark.parametrize("state", ["paused", "rollback_completed"])
def test_a_service_whose_update_failed_is_told_at_once(world: World, state: str) -> None:
    (record,) = world.store("m1").services.values()
    record.update_state = state
    with pytest.raises(ConvergenceError, match=f"is {state}"):
        wait_for_attached(world.ports(), "web", "front", timeout=60)
    assert world.clock.monotonic() < 1


def test_while_no_task_changes_a_look_is_one_request_most_of_the_time(world: World) -> None:
    world.clock.on_tick = lambda: None
    world.requests.clear()
    begun = world.clock.monotonic()
    with pytest.raises(ConvergenceError, match="waited 10 s for service web to run"):
        wait_for_service(world.ports(), "web", timeout=10)
    verbs = [request.verb for request in world.requests]
    spent = world.clock.monotonic() - begun
    assert verbs.count("services") <= spent / SERVICE_EVERY + 1
    assert 50 < verbs.count("tasks") < 120
