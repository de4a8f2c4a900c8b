"""A drain, a demotion or a new label is done when what ran on the node has ended there and runs elsewhere (G3, E2)."""

from __future__ import annotations

import pytest

from swarmnet.model.hosts import Availability, Role
from swarmnet.model.service import ServiceMode, ServiceSpec
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.operations.service.task_errors import STANDS
from swarmnet.workflows.apply import apply, prepare
from tests.simulator.world import World
from tests.support.goals import goal, run, terms

SITE = "schema: 1\nname: site\nsteps:\n  - swarm: {}\n"
HAVE = "availability: active"
DRAIN = SITE + "  - node: {}\n    on: w1\n"


def cluster(*services: ServiceSpec, managers: int = 1) -> World:
    world = World(managers=managers, workers=2)
    run(world, SITE)
    for spec in services:
        world.engine("m1").services.create(spec)
    world.settle()
    return world


def becomes(world: World, host: str, **fields: object) -> None:
    """Let the inventory say something else of a host."""
    hosts = tuple(one.model_copy(update=fields) if one.name == host else one for one in world.inventory.hosts)
    world.inventory = world.inventory.model_copy(update={"hosts": hosts})


def runs_on(world: World, name: str) -> list[str]:
    nodes = {node.id: node.host for node in world.store("m1").nodes.values()}
    tasks = world.engine("m1").tasks(service=name)
    return sorted(nodes[str(task.node_id)] for task in tasks if task.state == "running")


SOLO = ServiceSpec(name="solo", image="i:1", constraints=("node.hostname==w1",))
WEB = ServiceSpec(name="web", image="i:1", replicas=3)


def test_a_drain_lasts_until_the_nodes_tasks_have_ended_and_run_elsewhere() -> None:
    world = cluster(WEB, ServiceSpec(name="agent", image="i:1", mode=ServiceMode.GLOBAL))
    assert "w1" in runs_on(world, "web")
    world.machines["w1"].stop_ticks = 9
    becomes(world, "w1", availability=Availability.DRAIN)

    report = run(world, DRAIN)

    assert report.exit_code == 0
    assert (set(runs_on(world, "web")), runs_on(world, "agent")) == ({"m1", "w2"}, ["m1", "w2"])
    assert world.machines["w1"].containers == {}


def test_what_has_no_place_is_named_at_plan_and_fails_the_drain_with_the_engines_reason() -> None:
    world = cluster(SOLO, WEB)
    becomes(world, "w1", availability=Availability.DRAIN)

    planned = prepare(world.ports(), goal(world.inventory, DRAIN)).plan
    begun = world.clock.monotonic()
    report = run(world, DRAIN)

    sentence = "service solo will not run as before: no node that accepts tasks meets node.hostname==w1"
    assert planned.warnings == (f"site.yml:4:5: {sentence}",)
    (failed,) = [outcome for outcome in report.outcomes if outcome.error]
    assert (report.exit_code, failed.target) == (1, "node w1")
    assert "tasks left w1 and do not run anywhere: service solo cannot run: pending: no suitable node" in str(
        failed.error
    )
    assert "web" not in str(failed.error)
    assert world.clock.monotonic() - begun < STANDS + 5


def test_a_drain_of_the_last_node_that_takes_tasks_fails() -> None:
    world = cluster(WEB)
    for host in ("m1", "w1", "w2"):
        becomes(world, host, availability=Availability.DRAIN)

    report = run(world, SITE)

    assert report.exit_code == 1
    assert all("service web cannot run" in str(one.error) for one in report.outcomes if one.error)


def test_the_probes_of_a_verify_that_runs_hold_up_no_drain_and_give_no_warning() -> None:
    world = cluster(SOLO.model_copy(update={"labels": {PROBE_LABEL: "run"}}))
    becomes(world, "w1", availability=Availability.DRAIN)

    planned = prepare(world.ports(), goal(world.inventory, DRAIN)).plan
    report = run(world, DRAIN)

    assert planned.warnings == ()
    assert report.exit_code == 0


@pytest.mark.parametrize(
    "service",
    [
        ServiceSpec(name="tight", image="i:1", replicas=3, max_replicas_per_node=1),
        ServiceSpec.model_validate(
            {"name": "tight", "image": "i:1", "replicas": 3, "ports": [{"target": 80, "published": 90, "mode": "host"}]}
        ),
    ],
    ids=["one for each node", "one port of each host"],
)
def test_too_few_nodes_for_all_tasks_are_a_warning_of_the_plan(service: ServiceSpec) -> None:
    world = cluster(service)
    becomes(world, "w1", availability=Availability.DRAIN)

    planned = prepare(world.ports(), goal(world.inventory, DRAIN)).plan

    assert any("service tight will not run as before" in text for text in planned.warnings)


def test_a_demotion_is_waited_for_as_long_as_managers_services_leave() -> None:
    world = cluster(ServiceSpec(name="web", image="i:1", replicas=3, constraints=("node.role==manager",)), managers=3)
    world.machines["m3"].stop_ticks = 9
    becomes(world, "m3", role=Role.WORKER)

    report = run(world, SITE)

    assert report.exit_code == 0
    assert set(runs_on(world, "web")) == {"m1", "m2"}


def test_a_label_that_a_service_asks_for_is_not_taken_away_unnoticed() -> None:
    world = cluster()
    labelled = SITE + "  - node: {labels: {rack: a}}\n    on: w1\n"
    run(world, labelled)
    world.engine("m1").services.create(ServiceSpec(name="solo", image="i:1", constraints=("node.labels.rack==a",)))
    world.settle()
    moved = labelled.replace("rack: a", "rack: b")

    warned = prepare(world.ports(), goal(world.inventory, moved)).plan.warnings
    report = apply(world.ports(), goal(world.inventory, moved), terms())

    assert any("service solo will not run as before" in text for text in warned)
    assert (report.exit_code, ["solo" in str(one.error) for one in report.outcomes]) == (1, [True])


def test_a_service_that_had_no_place_before_holds_up_no_drain() -> None:
    world = cluster(ServiceSpec(name="never", image="i:1", constraints=("node.labels.rack==z",)), WEB)
    becomes(world, "w1", availability=Availability.DRAIN)

    report = run(world, DRAIN)

    assert report.exit_code == 0


def test_a_pause_ends_no_task_and_is_not_waited_for() -> None:
    world = cluster(WEB)
    before = runs_on(world, "web")
    becomes(world, "w1", availability=Availability.PAUSE)

    assert run(world, DRAIN).exit_code == 0

    assert runs_on(world, "web") == before


def test_a_look_at_a_drain_costs_as_much_for_many_services_as_for_one() -> None:
    costs = []
    for number in (1, 20):
        world = cluster(*(WEB.model_copy(update={"name": f"web{one}"}) for one in range(number)))
        world.machines["w1"].stop_ticks = 9
        becomes(world, "w1", availability=Availability.DRAIN)
        world.requests.clear()
        run(world, DRAIN)
        costs.append(sum(request.verb in ("tasks", "services", "nodes") for request in world.requests))
    assert costs[1] <= costs[0] + 2
