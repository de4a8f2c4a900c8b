"""A node that is lost while a global service is updated delays a run no longer than it takes to notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.events import Progress
from swarmnet.operations.service.converge import SERVICE_LIMIT
from swarmnet.operations.service.stalled import held_up_services
from swarmnet.operations.swarm.unready import unready_nodes
from swarmnet.workflows.apply import apply
from swarmnet.workflows.fleet.settle import WELL_LIMIT
from tests.simulator.store import TaskRecord
from tests.simulator.world import World
from tests.support.goals import goal, run, terms
from tests.support.simulated_state import seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.events import Event

SITE = """\
schema: 1
name: site
steps:
  - swarm: {}
  - service: {name: agent, image: "probe:1", mode: global}
"""
CHANGED = SITE.replace("probe:1", "probe:2")


def loses(world: World, host: str, *, reached: tuple[str, ...]) -> Callable[[], None]:
    """Return what engines do when a node is lost in the middle of an update that came to these hosts (as on 26.1)."""

    def tick() -> None:
        store = world.store("m1")
        (service,) = store.services.values()
        begun = service.spec.image != "probe:1"
        service.update_state = "updating" if begun else None
        for node in store.nodes.values():
            node.ready = node.host != host
            is_new = f"new-{node.host}" in store.tasks
            if is_new or not begun or node.host not in (host, *reached):
                continue
            for task in store.tasks.values():
                if task.node_id == node.id:
                    task.desired_state = "shutdown"
            task = TaskRecord(f"new-{node.host}", service.id, node.id, None, made_of=service.spec)
            if node.host == host:
                task.state, task.desired_state = "assigned", "shutdown"
            else:
                task.state = "running"
            store.tasks[task.id] = task

    return tick


def site() -> World:
    world = World(managers=1, workers=2)
    run(world, SITE)
    world.settle()
    return world


def test_an_update_that_waits_for_a_lost_node_alone_is_not_waited_out_and_is_incomplete() -> None:
    world, reported = site(), list[str]()
    world.clock.on_tick = loses(world, "w2", reached=("m1", "w1"))

    def listener(event: Event) -> None:
        reported.extend([event.text] if isinstance(event, Progress) else [])

    begun = world.clock.monotonic()
    report = apply(world.ports(listener=listener), goal(world.inventory, CHANGED), terms())

    assert world.clock.monotonic() - begun < WELL_LIMIT + 5 < SERVICE_LIMIT
    assert any("service agent: its update waits for w2" in text for text in reported)
    assert (report.failed, report.exit_code) == (False, 3)
    assert report.unsettled == (*held_up_services(seen(world)), *unready_nodes(seen(world)))
    assert "w2, down since it began" in report.unsettled[0]


def test_a_run_that_finds_nothing_to_do_still_names_the_node_that_an_update_waits_for() -> None:
    world = site()
    world.clock.on_tick = loses(world, "w2", reached=("m1", "w1"))
    run(world, CHANGED)

    again = run(world, CHANGED)

    assert (again.outcomes, again.exit_code) == ((), 3)
    assert "w2, down since it began" in again.unsettled[0]


def test_an_update_that_came_to_the_lost_node_before_the_others_is_an_error_that_names_both() -> None:
    world = site()
    world.clock.on_tick = loses(world, "w2", reached=("m1",))
    begun = world.clock.monotonic()

    report = run(world, CHANGED)

    assert world.clock.monotonic() - begun < 5
    assert report.exit_code == 1
    (failed,) = [one for one in report.outcomes if one.error]
    assert "its update waits for w2" in str(failed.error)
    assert "w1 still runs what was there before" in str(failed.error)


def test_a_free_hand_of_the_updater_is_waited_for() -> None:
    world = site()
    world.clock.on_tick = loses(world, "w2", reached=("m1",))
    both = CHANGED.replace("mode: global", "mode: global, update: {parallelism: 2}, timeout: 20s")

    report = run(world, both)

    (failed,) = [one for one in report.outcomes if one.error]
    assert "waited 20 s" in str(failed.error)
    assert "its update waits for w2" in str(failed.error)


def test_tasks_of_an_earlier_update_hold_up_no_later_one() -> None:
    world = site()
    world.clock.on_tick = loses(world, "w2", reached=("m1", "w1"))
    run(world, CHANGED)
    world.clock.on_tick = lambda: None

    # Nothing new happens at w2 now: only the one that was assigned there before is in the list.
    later = CHANGED.replace("probe:2", "probe:3").replace("mode: global", "mode: global, timeout: 20s")
    report = run(world, later)

    (failed,) = [one for one in report.outcomes if one.error]
    assert "waits for w2" not in str(failed.error)


def test_an_update_of_a_global_service_on_living_nodes_is_as_ever() -> None:
    world = site()

    assert run(world, CHANGED).exit_code == 0
    assert held_up_services(seen(world)) == ()
