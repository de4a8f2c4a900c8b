"""A leader that dies while networks are listed: a list that lacks networks never counts as whole."""

from __future__ import annotations

import pytest

from swarmnet.errors import NotAManagerError
from swarmnet.model.network import NetworkSpec
from swarmnet.verify.probes.control_network import remove_controls
from swarmnet.workflows.fleet.failover import Failover
from swarmnet.workflows.fleet.observe import observe
from swarmnet.workflows.fleet.whole_list import LISTS, SLOW_LIST, whole_list
from tests.simulator import SlowList, World
from tests.support.simulated_state import apply, planned

FRONT = "- network: {name: front, mtu: 1400, labels: {a: b}}"
DIED = SlowList(20.0)
"""What is seen of a leader without power: the others' requests wait for it until another one is there."""
CRASHED = SlowList(0.03, election=10.5)
"""What is seen of one whose connections broke: the list ends at once, the next question waits for another leader."""
LOADED = SlowList(2 * SLOW_LIST, is_cut=False)


@pytest.fixture
def world() -> World:
    world = World(managers=3)
    world.bootstrap()
    apply(world, FRONT)
    world.requests.clear()
    return world


def lists(world: World) -> int:
    return sum(request.verb == "networks" for request in world.requests)


def test_a_state_has_the_networks_of_the_swarm_though_the_leader_died_while_hosts_listed_theirs(world: World) -> None:
    world.slow_lists += [DIED] * 3

    state = observe(world.ports())

    assert state.network("front") is not None
    assert state.failures == ()


def test_a_state_has_the_networks_of_the_swarm_though_the_leader_died_while_the_swarm_was_asked_for(
    world: World,
) -> None:
    world.slow_lists += [SlowList(0.0, is_cut=False)] * 3 + [DIED]

    assert observe(world.ports()).network("front") is not None


@pytest.mark.parametrize("death", [DIED, CRASHED], ids=["silent", "broken"])
def test_a_list_is_whole_however_the_leader_died(world: World, death: SlowList) -> None:
    manager = Failover(world.ports()).manager()
    world.slow_lists.append(death)

    assert "front" in [network.spec.name for network in manager.networks.list()]


def test_a_network_that_a_cut_list_lacks_does_not_count_as_gone(world: World) -> None:
    (replace,) = planned(world, FRONT.replace("1400", "1300")).actions
    world.slow_lists.append(DIED)

    replace.run(Failover(world.ports()))

    assert planned(world, FRONT.replace("1400", "1300")).is_empty


def test_a_list_is_doubted_also_while_the_clock_of_a_wait_for_a_manager_is_stopped(world: World) -> None:
    ports = Failover(world.ports())
    world.lost_answers.append("networks")
    world.slow_lists += [SlowList(0.0), DIED]

    assert "front" in [network.spec.name for network in ports.manager().networks.list()]


def test_what_was_made_though_its_answer_was_lost_is_found_though_the_leader_died(world: World) -> None:
    manager = Failover(world.ports()).manager()
    world.lost_answers.append("network.create")
    world.slow_lists.append(DIED)

    made = manager.networks.create(NetworkSpec(name="back"))

    assert made in world.store("m1").networks


def test_a_control_network_is_removed_though_the_leader_died_while_it_was_looked_for(world: World) -> None:
    world.slow_lists.append(DIED)

    left = remove_controls(world.ports(), lambda labels: labels.get("a") == "b", timeout=10)

    assert left == []
    assert world.store("m1").network_named("front") is None


def test_a_quick_list_costs_one_more_question(world: World) -> None:
    whole_list(world.engine("m1"), world.clock)

    assert [request.verb for request in world.requests] == ["networks", "swarm"]


def test_a_slow_list_of_a_manager_under_load_counts_when_the_next_one_lacks_nothing(world: World) -> None:
    world.slow_lists += [LOADED] * 9

    assert len(whole_list(world.engine("m1"), world.clock)) == len(world.engine("m1").networks.list())
    assert lists(world) == 3


def test_slow_lists_that_each_lack_some_of_the_one_before_prove_nothing(world: World) -> None:
    engine = world.engine("m1")
    made = [engine.networks.create(NetworkSpec(name=f"n{number}")) for number in range(LISTS)]
    world.requests.clear()
    world.slow_lists += [LOADED] * LISTS
    world.clock.on_tick = lambda: engine.networks.remove(made.pop())

    with pytest.raises(NotAManagerError, match="slow to list networks"):
        whole_list(engine, world.clock)

    assert lists(world) == LISTS
