"""A wait ends with the engine's final word, within seconds, and names host, holder and reason (G4)."""

from __future__ import annotations

import pytest

from swarmnet.errors import ConvergenceError
from swarmnet.model.service import ServiceSpec
from swarmnet.model.state import Container
from swarmnet.operations.service.converge import STEADY, wait_for_service
from swarmnet.operations.service.task_errors import UNALLOCATED
from tests.simulator.world import World
from tests.support.simulated_state import apply

SOON = 12.0
"""Seconds, where a wait would last two minutes."""


def cluster() -> World:
    world = World(managers=1, workers=1)
    apply(world, "- swarm: {}\n")
    return world


def refused(world: World, steps: str, *, within: float = SOON) -> str:
    """Apply steps that cannot succeed, and return what they end with."""
    begun = world.clock.monotonic()
    with pytest.raises(ConvergenceError) as caught:
        apply(world, steps)
    assert world.clock.monotonic() - begun < within
    return caught.value.message


def states(world: World) -> list[str]:
    """Return the state of every task."""
    return [task.state for task in world.store("m1").tasks.values()]


HOST_PORT = "- service: {name: web, image: 'i:1', ports: ['9090:80@host'], constraints: [node.hostname == w1]}\n"


def test_a_port_that_a_container_holds_ends_the_wait_with_host_and_container() -> None:
    world = cluster()
    machine = world.machines["w1"]
    machine.held_ports[9090] = "shop-1"
    machine.containers["c"] = Container(id="c", name="shop-1", image="i:1", running=True)

    said = refused(world, HOST_PORT)

    assert "service web cannot run: w1 refuses its tasks: starting container failed" in said
    assert "Bind for 0.0.0.0:9090 failed: port is already allocated" in said
    assert said.endswith("; container shop-1 holds port 9090 on w1")


def test_a_port_that_a_program_holds_ends_the_wait_with_host_and_process() -> None:
    world = cluster()
    machine = world.machines["w1"]
    machine.held_ports[9090] = "nginx"
    line = b'LISTEN 0 511 0.0.0.0:9090 0.0.0.0:* users:(("nginx",pid=812,fd=6),("nginx",pid=811,fd=6))\n'
    machine.programs["ss"] = lambda _machine, _argv, _stdin: (0, line, b"")

    assert refused(world, HOST_PORT).endswith("; nginx (process 811) holds port 9090 on w1")


def test_an_image_that_no_registry_has_ends_the_wait_with_a_host_that_says_so() -> None:
    world = cluster()
    world.missing_images.add("gone:1")

    said = refused(world, "- service: {name: web, image: 'gone:1', constraints: [node.hostname == w1]}\n")

    assert said == "service web cannot run: w1 refuses its tasks: No such image: gone:1"


def test_a_task_that_no_node_can_take_ends_the_wait_with_the_schedulers_reason() -> None:
    said = refused(cluster(), "- service: {name: web, image: 'i:1', constraints: [node.labels.rack == z]}\n")

    assert said == "service web cannot run: pending: no suitable node (scheduling constraints not satisfied)"


def test_a_full_network_ends_the_wait_with_its_name() -> None:
    world = cluster()
    steps = "- network: {name: tiny, subnets: [{subnet: 10.88.0.0/30}]}\n"
    apply(world, steps)

    world.engine("m1").services.create(
        ServiceSpec.model_validate({"name": "web", "image": "i:1", "networks": [{"network": "tiny"}]})
    )
    begun = world.clock.monotonic()
    with pytest.raises(ConvergenceError, match=r"stay new: network tiny \(10.88.0.0/30\) has no free address"):
        wait_for_service(world.ports(), "web")

    assert world.clock.monotonic() - begun < UNALLOCATED + 2


def test_a_busy_engine_that_refuses_a_task_or_two_is_waited_for() -> None:
    world = cluster()
    world.machines["m1"].rejects = world.machines["w1"].rejects = 1

    apply(world, "- service: {name: web, image: 'i:1', replicas: 2}\n")

    assert states(world).count("running") == 2
    assert states(world).count("rejected") == 2


def test_a_node_that_comes_in_time_ends_the_wait_well() -> None:
    world = cluster()
    world.kill("w1")
    world.settle()

    def tick() -> None:
        if world.clock.monotonic() > 3:
            world.revive("w1")
        world.tick()

    world.clock.on_tick = tick
    apply(world, "- service: {name: web, image: 'i:1', constraints: [node.hostname == w1]}\n")

    assert world.clock.monotonic() > 3
    assert "running" in states(world)


def test_nodes_that_a_new_leader_has_not_heard_of_are_not_a_final_word() -> None:
    world = cluster()
    (node,) = [one for one in world.store("m1").nodes.values() if one.host == "w1"]
    node.unknown = True
    steps = "- service: {name: web, image: 'i:1', timeout: 30s, constraints: [node.labels.rack == z]}\n"

    assert "waited 30 s" in refused(world, steps, within=40)


def failing(world: World, *, until: float) -> None:
    """Let the program of a service end by itself soon after each start."""

    def tick() -> None:
        world.tick()
        now, tasks = world.clock.monotonic(), world.store("m1").tasks.values()
        is_first = not any(task.state == "failed" for task in tasks)
        for task in tasks:
            if task.state == "running" and now < until and (is_first or now % 5 > 1):
                task.state, task.message = "failed", "task: non-zero exit (1)"

    world.clock.on_tick = tick


def test_a_program_that_ends_again_and_again_does_not_run_because_it_ran_for_a_moment() -> None:
    world = cluster()
    failing(world, until=1000)

    said = refused(world, "- service: {name: web, image: 'i:1', timeout: 20s}\n", within=25)

    assert "waited 20 s for service web to run" in said
    assert "failed: task: non-zero exit (1)" in said


def test_a_program_that_runs_on_after_some_attempts_runs() -> None:
    world = cluster()
    failing(world, until=20)

    apply(world, "- service: {name: web, image: 'i:1'}\n")

    assert 20 + STEADY <= world.clock.monotonic() < 20 + STEADY + 3


JOB = "- service: {name: once, image: 'i:1', mode: replicated-job, replicas: 2, labels: {n: '1'}}\n"


def test_a_job_is_awaited_as_complete_and_runs_again_after_each_change() -> None:
    world = cluster()
    apply(world, JOB)
    engine = world.engine("m1")
    assert [(task.state, task.run) for task in engine.tasks()] == [("complete", 0)] * 2

    apply(world, "- service: {name: once, image: 'i:1'}\n")
    assert [task.run for task in engine.tasks()] == [0] * 2
    apply(world, JOB.replace("'1'", "'2'"))

    assert sorted((task.state, task.run) for task in engine.tasks()) == [("complete", 0)] * 2 + [("complete", 1)] * 2
    (job,) = engine.services.list()
    assert (job.spec.replicas, job.spec.max_concurrent) == (2, 2)
