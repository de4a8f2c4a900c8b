"""Rules of the simulator that the contract cannot ask of every real engine: faults, time and counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import EngineError, NotAManagerError, UnreachableError
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.ports import JoinAddress
from swarmnet.model.service import ServiceMode, ServiceSpec
from swarmnet.model.state import SwarmStanding
from swarmnet.model.swarm import NodeSpec, SwarmSpec
from tests.simulator import World

if TYPE_CHECKING:
    from swarmnet.model.ports import EnginePort, Ports, ShellPort


@pytest.fixture
def world() -> World:
    world = World(managers=3, workers=2)
    world.bootstrap()
    return world


def running(world: World, service: str) -> list[str]:
    """Return the hosts on which a service's tasks run."""
    store = world.store("m1")
    tasks = world.engine("m1").tasks(service=service)
    return sorted(
        store.nodes[task.node_id].host
        for task in tasks
        if task.node_id and task.state == task.desired_state == "running"
    )


def test_it_is_what_the_logic_asks_for(world: World) -> None:
    ports: Ports = world.ports()
    engine: EnginePort = ports.engine("m1")
    shell: ShellPort = ports.shell("w1")
    assert (engine.host, shell.host, ports.manager().host) == ("m1", "w1", "m1")


def test_only_writes_are_counted_as_writes(world: World) -> None:
    engine = world.engine("m1")
    engine.networks.list()
    engine.nodes.list()
    assert world.writes == []
    with pytest.raises(EngineError):
        engine.networks.create(NetworkSpec(name="a.b"))
    assert [(write.host, write.verb, write.target) for write in world.writes] == [("m1", "network.create", "a.b")]


def test_time_passes_only_in_sleep(world: World) -> None:
    engine = world.engine("m1")
    engine.networks.create(NetworkSpec(name="front"))
    assert not next(network for network in engine.networks.list() if network.spec.name == "front").allocated
    world.clock.sleep(1)
    assert next(network for network in engine.networks.list() if network.spec.name == "front").allocated


def test_an_overlapping_network_is_allocated_when_the_other_is_gone(world: World) -> None:
    engine = world.engine("m1")
    first, _ = [
        engine.networks.create(NetworkSpec(name=name, subnets=(Subnet(subnet="10.9.0.0/24"),))) for name in ("a", "b")
    ]
    world.settle()
    assert [net.allocated for net in engine.networks.list() if net.spec.name in ("a", "b")] == [True, False]
    engine.networks.remove(first)
    world.settle()
    assert [net.allocated for net in engine.networks.list() if net.spec.name == "b"] == [True]


def test_one_dead_manager_of_three_is_survived_two_are_not(world: World) -> None:
    world.kill("m2")
    world.tick()
    assert {node.hostname for node in world.engine("m1").nodes.list() if node.status == "down"} == {"m2"}
    world.kill("m3")
    with pytest.raises(NotAManagerError):
        world.engine("m1").nodes.list()
    assert not world.engine("m1").facts().membership.is_manager
    with pytest.raises(NotAManagerError):
        world.ports().manager()


def test_the_next_manager_answers_when_the_first_is_dead(world: World) -> None:
    world.kill("m1")
    assert world.ports().manager().host == "m2"


def test_a_demotion_that_would_lose_the_quorum_is_refused(world: World) -> None:
    world.kill("m3")
    world.tick()
    engine = world.engine("m1")
    node = next(node for node in engine.nodes.list() if node.hostname == "m2")
    with pytest.raises(EngineError):
        engine.nodes.update(node.id, node.version, NodeSpec(role=Role.WORKER))


def test_a_host_can_vanish_in_the_middle_of_a_run(world: World) -> None:
    world.vanish_after("w1", 2)
    engine = world.engine("w1")
    for _ in range(2):
        engine.facts()
    with pytest.raises(UnreachableError):
        engine.facts()


def test_an_engine_may_be_down_while_the_shell_answers(world: World) -> None:
    world.stop_engine("w1")
    with pytest.raises(EngineError):
        world.engine("w1").facts()
    assert world.ports().shell("w1").run(["true"]).exit_code == 0


def test_an_autolocked_manager_comes_back_locked() -> None:
    world = World()
    world.bootstrap(SwarmSpec(autolock=True))
    world.kill("m1")
    world.revive("m1")
    assert world.engine("m1").facts().membership.state is SwarmStanding.LOCKED
    with pytest.raises(NotAManagerError):
        world.engine("m1").swarm()


def test_an_autolocked_engine_that_is_to_begin_its_swarm_again_is_in_none_until_it_is_restarted_and_locked() -> None:
    world = World()
    world.bootstrap(SwarmSpec(autolock=True))
    engine = world.engine("m1")
    with pytest.raises(EngineError, match="encrypted"):
        engine.recover_swarm(JoinAddress("10.0.0.1"))
    assert engine.facts().membership.state is SwarmStanding.INACTIVE
    world.stop_engine("m1")
    world.start_engine("m1")
    assert engine.facts().membership.state is SwarmStanding.LOCKED


def test_tasks_leave_drained_and_dead_nodes(world: World) -> None:
    engine = world.engine("m1")
    spec = ServiceSpec(name="web", image="i", replicas=2, constraints=("node.role==worker",))
    engine.services.create(spec)
    world.settle()
    assert running(world, "web") == ["w1", "w2"]
    node = next(node for node in engine.nodes.list() if node.hostname == "w1")
    engine.nodes.update(node.id, node.version, NodeSpec(availability=Availability.DRAIN))
    world.settle()
    assert running(world, "web") == ["w2", "w2"]
    world.kill("w2")
    world.settle()
    assert running(world, "web") == []


def test_a_global_service_runs_once_on_every_node(world: World) -> None:
    world.engine("m1").services.create(ServiceSpec(name="agent", image="i", mode=ServiceMode.GLOBAL))
    world.settle()
    assert running(world, "agent") == ["m1", "m2", "m3", "w1", "w2"]


def test_an_update_of_the_template_replaces_tasks_and_one_of_labels_does_not(world: World) -> None:
    engine = world.engine("m1")
    engine.services.create(ServiceSpec(name="web", image="i:1"))
    world.settle()
    (before,) = (task.id for task in engine.tasks(service="web") if task.state == "running")
    for update, same in (({"labels": {"a": "b"}}, True), ({"image": "i:2"}, False)):
        (service,) = engine.services.list()
        engine.services.update(service.id, service.version, service.spec.model_copy(update=update))
        world.settle()
        (after,) = (task.id for task in engine.tasks(service="web") if task.state == "running")
        assert (after == before) is same


def test_a_task_without_an_image_is_rejected(world: World) -> None:
    world.missing_images.add("none:1")
    world.engine("m1").services.create(ServiceSpec(name="web", image="none:1"))
    world.settle()
    assert {task.state for task in world.engine("m1").tasks(service="web")} == {"rejected"}
