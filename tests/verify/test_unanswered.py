"""A swarm that no manager answers for is a finding with its managers by state, not an error; nothing starts there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.hosts import Role
from swarmnet.model.network import NetworkSpec
from swarmnet.model.report import Status
from swarmnet.model.state import ClusterState, HostFacts, SwarmMembership, SwarmStanding
from swarmnet.model.swarm import SwarmSpec
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.story import VerifyOptions, verify
from swarmnet.workflows.fleet.observe import observe
from tests.simulator import World
from tests.support.simulated_probe import KIT, Paths, this_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.report import Verdict
    from swarmnet.model.verification import Verification


def a_world() -> World:
    world = World(managers=3, workers=1)
    world.bootstrap()
    return world


def without_a_majority() -> World:
    world = a_world()
    for host in ("m1", "m2"):
        world.kill(host)
    return world


def all_locked() -> World:
    world = World(managers=3, workers=1)
    world.bootstrap(SwarmSpec(autolock=True))
    for host in ("m1", "m2", "m3"):
        world.stop_engine(host)
        world.start_engine(host)
    return world


def without_managers() -> World:
    world = a_world()
    for host in ("m1", "m2", "m3"):
        world.kill(host)
    return world


def elsewhere() -> World:
    """Return a world whose inventory calls a worker the manager, and the manager a worker."""
    world = World(managers=1, workers=1)
    world.bootstrap()
    roles = {"m1": Role.WORKER, "w1": Role.MANAGER}
    hosts = tuple(one.model_copy(update={"role": roles[one.name]}) for one in world.inventory.hosts)
    world.inventory = world.inventory.model_copy(update={"hosts": hosts})
    return world


def proved(world: World) -> Verification:
    return verify(world.ports(), observe(world.ports()), VerifyOptions(ALL), kit=KIT, run=this_run())


def root(result: Verification) -> Verdict:
    (found,) = (one for one in result.verdicts if not one.because_of)
    return found


@pytest.mark.parametrize(
    ("make", "cause", "status", "hosts"),
    [
        (without_a_majority, CauseId.NO_QUORUM, Status.FAILED, ["m1", "m2"]),
        (all_locked, CauseId.LOCKED, Status.FAILED, ["m1", "m2", "m3"]),
        (without_managers, CauseId.UNREACHABLE, Status.INCONCLUSIVE, ["m1", "m2", "m3"]),
        (elsewhere, CauseId.NO_MANAGER, Status.INCONCLUSIVE, ["m1"]),
    ],
)
def test_one_cause_with_its_hosts_explains_why_no_check_could_run(
    make: Callable[[], World], cause: CauseId, status: Status, hosts: list[str]
) -> None:
    world = make()

    result = proved(world)

    found = root(result)
    assert (found.cause, found.status, found.evidence["hosts"]) == (cause, status, hosts)
    assert found.fix
    rest = [one for one in result.verdicts if one.because_of]
    assert [one.scenario for one in rest] == [one.name for one in ALL if not one.needs_ends]
    assert {one.status for one in rest} == {Status.INCONCLUSIVE}
    assert (result.status, world.writes) == (status, [])


def test_a_lost_quorum_names_each_manager_with_its_state_and_the_command_that_begins_again() -> None:
    found = root(proved(without_a_majority()))

    assert found.evidence["managers"] == {"m3": "reachable", "m1": "unreachable", "m2": "unreachable"}
    assert str(found.evidence["commands"]).startswith("['swarmnet recover quorum -i ")
    assert "--from m3 --lost m1,m2" in str(found.evidence["commands"])
    assert "1 of 3 managers answers, no quorum: start m1 and m2" in found.detail


def test_a_leader_that_has_just_lost_its_majority_is_not_believed_though_it_still_answers() -> None:
    world = a_world()
    seen = observe(world.ports())
    left = tuple(one for one in seen.hosts if one.host in ("m1", "w1"))
    gone = [seen.node_of(host) for host in ("m2", "m3")]
    nodes = tuple(one.model_copy(update={"reachability": "unreachable"}) if one in gone else one for one in seen.nodes)

    state = seen.model_copy(update={"hosts": left, "nodes": nodes})
    found = root(verify(world.ports(), state, VerifyOptions(ALL), kit=KIT, run=this_run()))

    assert (found.cause, found.status, found.evidence["hosts"]) == (CauseId.NO_QUORUM, Status.FAILED, ["m2", "m3"])
    assert world.writes == []


def test_managers_that_all_answer_and_do_not_find_a_leader_are_to_be_checked_for_what_is_between_them() -> None:
    member = SwarmMembership(state=SwarmStanding.PENDING, node_id="n", error="the swarm does not have a leader")
    world = a_world()
    seen = observe(world.ports())
    facts = [
        one.model_copy(update={"engine": one.engine.model_copy(update={"membership": member})}) for one in seen.hosts
    ]

    state = ClusterState(hosts=tuple(map(HostFacts.model_validate, facts)))
    found = root(verify(world.ports(), state, VerifyOptions(ALL), kit=KIT, run=this_run()))

    assert (found.cause, found.evidence["hosts"]) == (CauseId.NO_QUORUM, ["m1", "m2", "m3"])
    assert str(found.evidence["commands"]).startswith("['swarmnet check -i ")


def test_one_manager_that_does_not_answer_is_a_finding_about_that_host_and_the_rest_is_tested() -> None:
    world = a_world()
    world.engine("m1").networks.create(NetworkSpec(name="front", attachable=True))
    world.settle()
    Paths(world)
    world.kill("m3")

    result = proved(world)

    bad = {(one.cause, one.status) for one in result.verdicts if one.cause and not one.because_of}
    assert bad <= {(CauseId.UNREACHABLE, Status.INCONCLUSIVE), (CauseId.NODE_DOWN, Status.FAILED)}
    counts = {one.scenario: one.counts() for one in result.matrices}
    assert counts["icmp"] == {Status.OK: 6, Status.INCONCLUSIVE: 6}


def test_hosts_of_a_swarm_that_no_manager_of_the_inventory_is_in_are_never_advised_to_leave_it_first() -> None:
    world = a_world()
    seen = observe(world.ports())
    worker = seen.facts("w1")
    assert worker is not None
    gone = SwarmMembership(state=SwarmStanding.INACTIVE)
    managers = [
        one.model_copy(update={"engine": one.engine.model_copy(update={"membership": gone})})
        for one in seen.hosts
        if one.host != "w1"
    ]

    result = verify(world.ports(), ClusterState(hosts=(*managers, worker)), VerifyOptions(ALL), kit=KIT, run=this_run())

    (found,) = (one for one in result.verdicts if one.cause == CauseId.NO_MANAGER)
    assert found.evidence["hosts"] == ["w1"]
    assert (found.fix or "").startswith("add a manager of the swarm")
