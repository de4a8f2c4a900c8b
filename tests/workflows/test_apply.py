"""What apply promises, on simulated engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import LockedError, NothingReachableError, RefusedError
from swarmnet.model.lock import LOCK_NAME
from swarmnet.model.network import NetworkSpec
from swarmnet.model.ports import ActionFinished, ActionStarted, Membership
from swarmnet.model.report import OutcomeStatus
from swarmnet.model.swarm import SwarmSpec
from swarmnet.plan.guard import Permissions
from swarmnet.workflows.apply import Prepared, apply, prepare
from swarmnet.workflows.lock import held
from swarmnet.workflows.observe import observe
from tests.simulator import World
from tests.workflows.runs import SITE, No, Switch, Yes, goal, operator, run, terms

if TYPE_CHECKING:
    from swarmnet.model.ports import Event


def test_bootstraps_a_swarm_from_hosts_that_have_only_an_engine() -> None:
    world = World(managers=3, workers=2)

    report = run(world)

    assert not report.failed
    assert report.pending == ()
    assert len(world.store("m1").nodes) == 5
    assert {"front", "back"} <= {net.spec.name for net in world.store("m1").networks.values()}


def test_sends_no_write_and_asks_nothing_when_there_is_nothing_to_do() -> None:
    world = World(managers=1, workers=1)
    run(world)
    world.requests.clear()
    asked = Yes()

    report = apply(world.ports(), goal(world.inventory), terms(consent=asked))

    assert report.outcomes == ()
    assert (asked.shown, asked.asked) == ([], [])
    assert world.writes == []


def test_looks_only_once_when_there_is_nothing_to_do() -> None:
    world = World(managers=1, workers=2)
    run(world)
    world.requests.clear()

    run(world)

    assert sorted(request.host for request in world.requests if request.verb == "facts") == ["m1", "w1", "w2"]


def test_changes_nothing_when_the_operator_does_not_agree() -> None:
    world = World(managers=1, workers=1)

    with pytest.raises(RefusedError):
        apply(world.ports(), goal(world.inventory), terms(consent=No()))

    assert [request for request in world.writes if request.verb != "shell"] == []


def test_repairs_what_somebody_removed_by_hand() -> None:
    world = World(managers=1, workers=1)
    run(world)
    engine = world.engine("m1")
    front = next(net for net in engine.networks() if net.spec.name == "front")
    engine.remove_network(front.id)

    report = run(world)

    assert [outcome.target for outcome in report.outcomes] == ["network front"]
    assert "front" in {net.spec.name for net in engine.networks()}


def test_leaves_no_lock_behind() -> None:
    world = World(managers=3)

    run(world)

    assert [config.spec.name for config in world.engine("m1").configs()] == []
    assert [list(machine.run_lock.iterdir()) for machine in world.machines.values()] == [[], [], []]


def test_a_second_operator_is_told_who_works_there() -> None:
    world = World(managers=1)
    run(world)
    ports = world.ports()
    changed = SITE + "  - network: {name: third}\n"

    with (
        held(ports, observe(ports), operator=operator("t2", machine="hers"), command="apply a.yml"),
        pytest.raises(LockedError, match=r"ann on hers .*'apply a.yml'"),
    ):
        run(world, changed)

    assert not run(world, changed).failed


def test_asks_again_when_the_cluster_changed_between_plan_and_lock() -> None:
    world = World(managers=1)
    run(world)
    changed = SITE + "  - network: {name: third}\n  - network: {name: fourth}\n"

    class Meddler(Yes):
        def ask(self, prepared: Prepared, *, changed: bool) -> None:
            super().ask(prepared, changed=changed)
            if not changed:
                world.engine("m1").create_network(NetworkSpec(name="third"))

    consent = Meddler()

    apply(world.ports(), goal(world.inventory, changed), terms(consent=consent))

    assert consent.asked == [False, True]


def test_a_failed_action_stops_what_follows_and_says_so() -> None:
    world = World(managers=1, workers=2)
    begun: list[str] = []

    def cut_power(event: Event) -> None:
        if isinstance(event, ActionStarted):
            begun.append(event.action.kind)
            if event.action.kind == "swarm.join-worker":
                world.kill("w2")

    report = run(world, ports=world.ports(listener=cut_power))

    by_target = {outcome.target: outcome.status for outcome in report.outcomes}
    assert by_target["node w1"] is OutcomeStatus.DONE
    assert by_target["node w2"] is OutcomeStatus.FAILED
    assert by_target["network front"] is OutcomeStatus.SKIPPED
    assert report.failed
    assert "network.create" not in begun


def test_stops_between_actions_when_asked_and_converges_when_run_again() -> None:
    world = World(managers=1, workers=1)
    stop = Switch()

    def ask_to_stop(event: Event) -> None:
        stop.requested = stop.requested or isinstance(event, ActionFinished)

    ports = world.ports(listener=ask_to_stop)
    report = apply(ports, goal(world.inventory), terms(stop=stop))

    assert report.interrupted
    assert {outcome.status for outcome in report.outcomes} == {OutcomeStatus.DONE, OutcomeStatus.SKIPPED}
    assert LOCK_NAME not in {config.spec.name for config in world.engine("m1").configs()}
    assert not run(world).failed


def test_a_dead_host_is_refused_by_name_and_the_flag_that_allows_it() -> None:
    world = World(managers=1, workers=2)
    world.kill("w2")

    with pytest.raises(RefusedError, match=r"w2 does not answer: no route to host .*--allow-missing"):
        run(world)

    assert world.writes == []


def test_goes_on_without_a_dead_host_when_allowed_and_reports_it() -> None:
    world = World(managers=1, workers=2)
    world.kill("w2")

    report = apply(world.ports(), goal(world.inventory, permissions=Permissions(allow_missing=True)), terms())

    assert not report.failed
    assert [failure.host for failure in report.failures] == ["w2"]
    assert len(world.store("m1").nodes) == 2


def test_a_host_of_another_swarm_is_refused_by_name() -> None:
    world = World(managers=2)
    for host in ("m1", "m2"):
        world.engine(host).init_swarm(SwarmSpec(), Membership(world.machines[host].address))

    with pytest.raises(RefusedError, match="m2 belongs to another swarm"):
        prepare(world.ports(), goal(world.inventory))


def test_says_that_nothing_is_reachable() -> None:
    world = World(managers=1, workers=1)
    world.kill("m1")
    world.kill("w1")

    with pytest.raises(NothingReachableError, match="no route to host"):
        prepare(world.ports(), goal(world.inventory))


def test_a_change_of_a_network_needs_the_flag_that_names_it() -> None:
    world = World(managers=1)
    run(world)
    changed = SITE.replace("10.20.0.0/24", "10.22.0.0/24")

    with pytest.raises(RefusedError, match="--replace front"):
        run(world, changed)

    allowed = goal(world.inventory, changed, Permissions(replace=frozenset({"front"})))
    assert not apply(world.ports(), allowed, terms()).failed
