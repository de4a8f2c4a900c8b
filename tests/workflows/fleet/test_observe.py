"""What one pass of reads promises."""

from __future__ import annotations

import pytest

from swarmnet.errors import IncompleteError, NothingReachableError
from swarmnet.model.ports import JoinAddress
from swarmnet.model.state import CommandResult
from swarmnet.model.swarm import SwarmSpec
from swarmnet.operations.kind import Need
from swarmnet.workflows.fleet.observe import Look, observe
from tests.simulator import World


def test_allows_each_host_the_time_of_all_commands_that_it_answers() -> None:
    needs = (Need("m1", ("a",), timeout=1500), Need("m1", ("b",), timeout=300), Need("w1", ("a",), timeout=30))
    look = Look(needs=needs)
    assert [look.seconds(host) for host in ("m1", "w1", "w2")] == [1800, 30, 0]


def test_writes_nothing() -> None:
    world = World(managers=2, workers=1)
    world.bootstrap()

    observe(world.ports())

    assert world.writes == []


def test_asks_each_host_the_same_few_questions_whatever_is_in_the_swarm() -> None:
    world = World(managers=1, workers=2)
    world.bootstrap()

    observe(world.ports())

    assert sorted(request.verb for request in world.requests if request.host == "w1") == ["facts", "networks", "shell"]


def test_reads_local_addresses_and_routes_without_tools_on_the_host() -> None:
    world = World(managers=1)

    state = observe(world.ports())

    facts = state.facts("m1")
    assert facts is not None
    assert facts.addresses == (world.machines["m1"].address,)
    assert [(route.prefix, route.device) for route in facts.routes] == [("192.168.50.0/24", "eth0")]


def test_hosts_are_in_the_order_of_the_inventory() -> None:
    world = World(managers=3, workers=9)

    state = observe(world.ports())

    assert [facts.host for facts in state.hosts] == [host.name for host in world.inventory.hosts]


def test_a_host_without_an_engine_is_a_failure_that_says_why() -> None:
    world = World(managers=1, workers=1)
    world.stop_engine("w1")

    state = observe(world.ports())

    assert [(failure.host, failure.reason) for failure in state.failures] == [
        ("w1", "cannot connect to the engine at /var/run/docker.sock")
    ]


def test_another_manager_answers_when_the_first_one_is_gone() -> None:
    world = World(managers=3)
    world.bootstrap()
    world.kill("m1")

    state = observe(world.ports())

    assert state.swarm is not None
    assert len(state.nodes) == 3


def test_of_two_swarms_the_one_of_most_managers_counts_and_the_hosts_of_the_other_are_failures() -> None:
    world = World(managers=3, workers=1)
    world.bootstrap()
    ours = world.store("m2").id
    world.wipe("m1")
    world.engine("m1").init_swarm(SwarmSpec(), JoinAddress(world.machines["m1"].address))

    state = observe(world.ports())

    assert state.swarm is not None
    assert state.swarm.id == ours
    (other,) = state.failures
    assert (other.host, other.disbelieved) == ("m1", True)
    assert other.reason.startswith(f"is in another swarm, {world.store('m1').id}")


def test_a_swarm_without_a_quorum_is_not_an_empty_swarm() -> None:
    world = World(managers=3)
    world.bootstrap()
    world.kill("m2")
    world.kill("m3")

    state = observe(world.ports())

    facts = state.facts("m1")
    assert state.swarm is None
    assert facts is not None
    assert "does not have a leader" in facts.engine.membership.error


def test_a_limit_leaves_workers_out_but_asks_managers() -> None:
    world = World(managers=1, workers=2)

    state = observe(world.ports(), Look(hosts=frozenset({"w2"})))

    assert [facts.host for facts in state.hosts] == ["m1", "w2"]


def test_answers_what_a_step_asks_a_shell() -> None:
    world = World(managers=1, workers=1)
    argv = ("test", "-e", "/etc/done")
    world.machines["w1"].programs["test"] = lambda _machine, _argv, _stdin: (1, b"", b"")

    state = observe(world.ports(), Look(needs=(Need("w1", argv),)))

    assert state.answers == (CommandResult(host="w1", argv=argv, exit_code=1),)


def test_when_no_host_answers_each_reason_is_given_once_with_its_hosts_and_what_to_do() -> None:
    world = World(managers=2, workers=1)
    world.kill("m1")
    world.kill("m2")
    world.stop_engine("w1")

    with pytest.raises(NothingReachableError) as caught:
        observe(world.ports())

    assert caught.value.message.startswith("no host answered: m1, m2: no route to host; w1: cannot connect")
    assert caught.value.exit_code == 75


def test_hosts_that_refuse_the_login_are_nothing_to_try_later() -> None:
    world = World(managers=2)
    for host in ("m1", "m2"):
        world.machines[host].admits = False

    with pytest.raises(IncompleteError) as caught:
        observe(world.ports())

    assert (caught.value.message, caught.value.exit_code) == ("no host can be used: m1, m2: no key accepted", 3)
    assert caught.value.hint == "set ssh.key in the inventory"
