"""What the commands for single nodes promise, on simulated engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import RefusedError, UsageError
from swarmnet.model.hosts import Availability, Host, Role
from swarmnet.plan.guard import Permissions
from swarmnet.plan.nodes import activated, demoted, drained, promoted, removed
from swarmnet.plan.replace import replaced
from swarmnet.workflows.apply import Goal, apply
from swarmnet.workflows.fleet.observe import Look, observe
from tests.simulator import World
from tests.support.clusters import with_host
from tests.support.goals import goal, run, terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Plan
    from swarmnet.model.report import ApplyReport
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node

WITH_SERVICE = """\
schema: 1
name: site
steps:
  - swarm: {}
  - service: {name: web, image: "nginx:1", replicas: 2}
"""
PINNED = """\
schema: 1
name: site
steps:
  - swarm: {}
  - service: {name: db, image: "db:1", constraints: ["node.hostname == w1"]}
"""


def carry_out(
    world: World,
    planner: Callable[[ClusterState, Inventory], Plan],
    *,
    allow_down: frozenset[str] = frozenset(),
    silent: str = "",
    inventory: Inventory | None = None,
) -> ApplyReport:
    hosts = inventory or world.inventory
    asked = hosts.model_copy(update={"hosts": tuple(one for one in hosts.hosts if one.name != silent)})
    made = Goal(
        make_plan=lambda state: planner(state, hosts),
        look=Look(),
        permissions=Permissions(allow_missing=True, allow_down=allow_down),
        command="node",
    )
    report = apply(world.ports(asked), made, terms())
    assert not report.failed, report
    return report


def node(world: World, name: str) -> Node | None:
    found = [one for one in world.engine("m1").nodes.list() if one.hostname == name]
    return found[0] if found else None


def running_on(world: World, name: str) -> int:
    here = node(world, name)
    tasks = world.engine("m1").tasks()
    return sum(task.state == "running" and here is not None and task.node_id == here.id for task in tasks)


def test_a_drain_ends_when_all_tasks_run_elsewhere() -> None:
    world = World(managers=1, workers=2)
    run(world, WITH_SERVICE)

    carry_out(world, lambda *seen: drained("w1", *seen))

    assert running_on(world, "w1") == 0
    assert sum(task.state == "running" for task in world.engine("m1").tasks()) == 2


def test_a_service_that_would_have_no_node_left_needs_its_name() -> None:
    world = World(managers=1, workers=2)
    run(world, PINNED)

    with pytest.raises(RefusedError, match=r"service db would not run as before without node w1.*--allow-down db"):
        carry_out(world, lambda *seen: drained("w1", *seen))
    assert world.engine("m1").nodes.list()[1].spec.availability is Availability.ACTIVE

    carry_out(world, lambda *seen: drained("w1", *seen), allow_down=frozenset({"db"}))
    assert running_on(world, "w1") == 0


def test_a_drained_node_is_activated_and_a_second_time_changes_nothing() -> None:
    world = World(managers=1, workers=1)
    run(world)
    carry_out(world, lambda *seen: drained("w1", *seen))

    assert len(carry_out(world, lambda *seen: activated("w1", *seen)).outcomes) == 1
    assert carry_out(world, lambda *seen: activated("w1", *seen)).outcomes == ()


def test_what_the_inventory_says_otherwise_is_warned_about() -> None:
    world = World(managers=1, workers=1)
    run(world)
    state = observe(world.ports())

    assert promoted("w1", state, world.inventory).warnings == (
        "2 managers survive the loss of 0; the 1 of now survive the loss of 0",
        "the inventory says role worker for w1, and the next apply follows it: write 'role: manager'",
    )
    assert "write 'role: none', or take it out of the file" in removed("w1", state, world.inventory).warnings[0]


def test_a_worker_becomes_a_manager_and_a_manager_a_worker() -> None:
    world = World(managers=3, workers=1)
    run(world)

    carry_out(world, lambda *seen: promoted("w1", *seen))
    carry_out(world, lambda *seen: demoted("m3", *seen))

    roles = {one.hostname: one.spec.role for one in world.engine("m1").nodes.list()}
    assert roles == {"m1": Role.MANAGER, "m2": Role.MANAGER, "m3": Role.WORKER, "w1": Role.MANAGER}


def test_the_last_manager_stays_one() -> None:
    world = World(managers=1, workers=1)
    run(world)

    for planner in (demoted, removed):
        with pytest.raises(RefusedError, match="m1 is the only manager"):
            planner("m1", observe(world.ports()), world.inventory)


def test_a_demotion_that_would_cost_the_quorum_is_refused_with_the_arithmetic() -> None:
    world = World(managers=3)
    run(world)
    world.kill("m3")
    world.clock.sleep(60)

    with pytest.raises(RefusedError, match="1 of 2 managers would be reachable afterwards, and 2 must be: no quorum"):
        carry_out(world, lambda *seen: demoted("m2", *seen))


def test_no_manager_is_added_while_another_is_unreachable() -> None:
    world = World(managers=3, workers=1)
    run(world)
    world.kill("m3")
    world.clock.sleep(60)

    with pytest.raises(RefusedError, match=r"2 of 3 managers are reachable \(m3 is not\); with w1 there are 4"):
        carry_out(world, lambda *seen: promoted("w1", *seen))


@pytest.mark.parametrize("host", ["w1", "m3", "m1"])
def test_a_removed_host_leaves_the_swarm_and_its_list(host: str) -> None:
    world = World(managers=3, workers=2)
    run(world, WITH_SERVICE)
    others = sorted({"m1", "m2", "m3", "w1", "w2"} - {host})

    carry_out(world, lambda *seen: removed(host, *seen))

    assert sorted(one.hostname for one in world.engine(others[0]).nodes.list()) == others
    assert world.engine(host).facts().membership.node_id == ""
    assert sum(task.state == "running" for task in world.engine(others[0]).tasks()) == 2
    assert carry_out(world, lambda *seen: removed(host, *seen)).outcomes == ()


def test_a_host_that_does_not_answer_is_removed_by_force_only() -> None:
    world = World(managers=3, workers=1)
    run(world)
    world.kill("w1")

    with pytest.raises(RefusedError, match="w1 does not answer") as refused:
        carry_out(world, lambda *seen: removed("w1", *seen))
    assert "--force" in str(refused.value.hint)

    carry_out(world, lambda *seen: removed("w1", *seen, force=True), silent="w1")
    assert node(world, "w1") is None


def test_a_dead_manager_is_removed_by_force() -> None:
    world = World(managers=3)
    run(world)
    world.kill("m3")

    carry_out(world, lambda *seen: removed("m3", *seen, force=True), silent="m3")

    assert sorted(one.hostname for one in world.engine("m1").nodes.list()) == ["m1", "m2"]


def test_a_name_that_nothing_has_is_an_error_of_usage() -> None:
    world = World(managers=1)
    run(world)
    with pytest.raises(UsageError, match="no host 'x9'"):
        drained("x9", observe(world.ports()), world.inventory)


@pytest.mark.parametrize("old", ["w1", "m3"])
def test_the_new_host_has_what_the_old_one_had(old: str) -> None:
    world = World(managers=3, workers=1)
    run(world)
    seen = node(world, old)
    assert seen is not None
    wanted = seen.spec.model_copy(update={"labels": {"zone": "a"}})
    world.engine("m1").nodes.update(seen.id, seen.version, wanted)
    new = Host(name="x1", address="192.168.9.50")
    world.add(new)
    hosts = world.inventory.model_copy(update={"hosts": (*world.inventory.hosts, new)})

    carry_out(world, lambda *seen: replaced(old, "x1", *seen), inventory=hosts)

    made = node(world, "x1")
    assert made is not None
    assert (made.spec.role, made.spec.labels, made.spec.availability) == (
        seen.spec.role,
        {"zone": "a"},
        seen.spec.availability,
    )
    assert node(world, old) is None


def test_a_dead_manager_gives_up_its_vote_before_its_successor_joins() -> None:
    world = World(managers=3)
    run(world)
    world.kill("m3")
    new = Host(name="x1", address="192.168.9.50")
    world.add(new)
    hosts = world.inventory.model_copy(update={"hosts": (*world.inventory.hosts, new)})

    report = carry_out(world, lambda *seen: replaced("m3", "x1", *seen, force=True), silent="m3", inventory=hosts)

    assert [one.kind for one in report.outcomes] == ["node.role", "swarm.join-manager", "node.remove"]


def test_a_host_with_role_none_leaves_at_apply_and_is_left_alone_afterwards() -> None:
    world = World(managers=3, workers=2)
    run(world, WITH_SERVICE)
    hosts = with_host(with_host(world.inventory, "w1", role=None), "m3", role=None)

    report = apply(world.ports(hosts), goal(hosts, WITH_SERVICE), terms())

    assert not report.failed, report
    assert sorted(one.hostname for one in world.engine("m1").nodes.list()) == ["m1", "m2", "w2"]
    assert sum(task.state == "running" for task in world.engine("m1").tasks()) == 2
    assert apply(world.ports(hosts), goal(hosts, WITH_SERVICE), terms()).outcomes == ()


def test_role_none_of_the_last_place_of_a_service_needs_the_services_name() -> None:
    world = World(managers=1, workers=1)
    run(world, PINNED)
    hosts = with_host(world.inventory, "w1", role=None)

    with pytest.raises(RefusedError, match="--allow-down db"):
        apply(world.ports(hosts), goal(hosts, "schema: 1\nname: s\nsteps: [swarm: {}]"), terms())
