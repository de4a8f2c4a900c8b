"""How many questions each story asks of how many hosts: they are what a command on a small cluster waits for."""

from __future__ import annotations

from collections import Counter

import pytest

from swarmnet.workflows.apply import apply
from swarmnet.workflows.fleet.observe import observe
from tests.simulator import World
from tests.support.goals import goal, run, terms

OF_EACH_HOST = ("facts", "networks", "shell")
OF_ONE_MANAGER = ("swarm", "nodes", "services", "tasks", "configs", "secrets", "networks", "swarm")
"""The swarm is asked for again behind the list of networks, which engines cut when the leader is lost."""
OF_A_SECOND = ("swarm", "nodes")


def observing(hosts: int, managers: int) -> Counter[str]:
    each = Counter(dict.fromkeys(OF_EACH_HOST, hosts))
    return each + Counter(OF_ONE_MANAGER) + (Counter(OF_A_SECOND) if managers > 1 else Counter())


SIZES = [(1, 0), (1, 2), (3, 0), (3, 17)]


@pytest.mark.parametrize(("managers", "workers"), SIZES)
def test_one_look_at_a_cluster_asks_each_host_three_times_and_two_managers_for_it(managers: int, workers: int) -> None:
    world = World(managers=managers, workers=workers)
    run(world)
    world.requests.clear()
    observe(world.ports())
    assert Counter(one.verb for one in world.requests) == observing(managers + workers, managers)


@pytest.mark.parametrize(("managers", "workers"), SIZES)
def test_an_apply_that_changes_nothing_looks_once_and_asks_each_manager_for_its_lock(
    managers: int, workers: int
) -> None:
    world = World(managers=managers, workers=workers)
    run(world)
    world.requests.clear()
    apply(world.ports(), goal(world.inventory), terms())
    locks = Counter({"shell": managers})
    assert Counter(one.verb for one in world.requests) == observing(managers + workers, managers) + locks
