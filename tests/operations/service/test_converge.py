"""What waiting for a service means, and what it costs the manager."""

from __future__ import annotations

import pytest

from swarmnet.errors import ConvergenceError
from swarmnet.model.network import NetworkSpec
from swarmnet.model.service import Attachment, ServiceMode, ServiceSpec
from swarmnet.operations.service.converge import SERVICE_EVERY, UPDATE_BEGINS, wait_for_attached, wait_for_service
from swarmnet.workflows.fleet.failover import Failover
from tests.simulator.world import World
from tests.support.simulated_state import apply, planned


@pytest.fixture
def world() -> World:
    world = World(managers=1, workers=1)
    world.bootstrap()
    world.engine("m1").networks.create(NetworkSpec(name="front"))
    world.settle()
    spec = ServiceSpec(name="web", image="i", mode=ServiceMode.GLOBAL, networks=(Attachment(network="front"),))
    world.engine("m1").services.create(spec)
    return world


def test_a_network_has_its_service_back_while_the_engine_still_watches_the_update(world: World) -> None:
    world.settle()
    (record,) = world.store("m1").services.values()
    record.update_state = "updating"
    wait_for_attached(world.ports(), "web", "front", timeout=0)
    with pytest.raises(ConvergenceError, match="updating"):
        wait_for_service(world.ports(), "web", timeout=0)


def test_a_service_with_one_task_off_the_network_is_not_back_on_it(world: World) -> None:
    world.settle()
    task = next(iter(world.store("m1").tasks.values()))
    task.networks = {}
    with pytest.raises(ConvergenceError, match="1 task is off"):
        wait_for_attached(world.ports(), "web", "front", timeout=0)


@pytest.mark.parametrize("state", ["paused", "rollback_completed"])
def test_a_service_whose_update_failed_is_reported_at_once(world: World, state: str) -> None:
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


def updated(world: World, steps: str, *, busy: float) -> float:
    """Apply steps while the leader's orchestrators come to nothing for some seconds; return how long it took."""
    begun = world.clock.monotonic()
    world.busy_until = begun + busy
    apply(world, steps)
    return world.clock.monotonic() - begun


@pytest.mark.parametrize("mode", ["replicas: 2", "mode: global"])
def test_an_update_that_the_leader_comes_to_late_is_waited_for_until_the_new_tasks_run(mode: str) -> None:
    world = World(managers=1, workers=1)
    steps = f"- swarm: {{}}\n- service: {{name: web, image: 'i:1', {mode}}}\n"
    apply(world, steps)

    updated(world, steps.replace("i:1", "i:2"), busy=UPDATE_BEGINS - 1)

    assert images(world) == {"i:2"}


@pytest.mark.parametrize(
    "change", ["constraints: [node.role==manager]", "labels: {tier: web}", "max_replicas_per_node: 2"]
)
def test_an_update_that_ends_no_task_is_not_waited_for(change: str) -> None:
    world = World(managers=1)
    steps = "- swarm: {}\n- service: {name: web, image: 'i:1'}\n"
    apply(world, steps)

    assert updated(world, steps.replace("'i:1'", f"'i:1', {change}"), busy=UPDATE_BEGINS) < 1


def test_an_update_that_never_begins_is_waited_for_half_a_minute_at_most() -> None:
    world = World(managers=1)
    steps = "- swarm: {}\n- service: {name: web, image: 'i:1'}\n"
    apply(world, steps)

    assert UPDATE_BEGINS <= updated(world, steps.replace("i:1", "i:2"), busy=300) < UPDATE_BEGINS + 2


def test_constraints_that_a_node_no_longer_meets_are_waited_for_until_its_task_has_moved() -> None:
    world = World(managers=1, workers=1)
    steps = "- swarm: {}\n- service: {name: web, image: 'i:1', constraints: [node.role==worker]}\n"
    apply(world, steps)

    updated(world, steps.replace("worker", "manager"), busy=UPDATE_BEGINS - 1)

    (task,) = (task for task in world.engine("m1").tasks(service="web") if task.state == "running")
    assert world.store("m1").nodes[str(task.node_id)].host == "m1"


def test_new_ports_reach_also_tasks_that_outlived_a_change_of_their_constraints() -> None:
    world = World(managers=1)
    steps = "- swarm: {}\n- service: {name: web, image: 'i:1', ports: ['8080:80']}\n"
    apply(world, steps)
    constrained = steps.replace("'i:1'", "'i:1', constraints: [node.role==manager]")
    apply(world, constrained)

    apply(world, constrained.replace("8080:80", "8081:80"))

    (task,) = (task for task in world.store("m1").tasks.values() if task.state == "running")
    assert task.made_of is not None
    assert [port.published for port in task.made_of.ports or ()] == [8081]


def test_an_update_whose_answer_was_lost_is_not_sent_again() -> None:
    world = World(managers=1)
    steps = "- swarm: {}\n- service: {name: web, image: 'i:1'}\n"
    apply(world, steps)
    (update,) = planned(world, steps.replace("i:1", "i:2")).actions
    world.requests.clear()
    world.lost_answers.append("service.update")

    update.run(Failover(world.ports()))

    # Twice by the same version, which the engine refuses, and not again from what is there now.
    assert [request.verb for request in world.writes] == ["service.update"] * 2
    assert images(world) == {"i:2"}


def images(world: World) -> set[str]:
    return {box.image for machine in world.machines.values() for box in machine.containers.values()}
