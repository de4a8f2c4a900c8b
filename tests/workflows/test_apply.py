"""What apply promises, on simulated engines."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.errors import ExitCode, LockedError, NothingReachableError, RefusedError
from swarmnet.model.events import ActionFinished, ActionStarted, HostFailed
from swarmnet.model.lock import LOCK_NAME
from swarmnet.model.network import NetworkSpec
from swarmnet.model.ports import JoinAddress
from swarmnet.model.report import OutcomeStatus
from swarmnet.model.swarm import SwarmSpec
from swarmnet.plan.guard import Permissions
from swarmnet.plan.prune import with_removals
from swarmnet.plan.reset import reset
from swarmnet.workflows.apply import Goal, Prepared, apply, prepare
from swarmnet.workflows.fleet.observe import Look, observe
from swarmnet.workflows.lock.lock import held
from tests.simulator import World
from tests.support.goals import SITE, No, Switch, Yes, goal, operator, run, terms

if TYPE_CHECKING:
    from swarmnet.model.events import Event


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


def test_a_saved_plan_is_compared_also_when_nothing_is_left_to_do() -> None:
    world = World(managers=1, workers=1)
    run(world)

    def expects(prepared: Prepared) -> None:
        assert prepared.plan.is_empty
        raise RefusedError("this is not the saved plan any more")

    with pytest.raises(RefusedError, match="not the saved plan"):
        apply(world.ports(), goal(world.inventory), replace(terms(), expects=expects))


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


def test_repairs_what_someone_removed_by_hand() -> None:
    world = World(managers=1, workers=1)
    run(world)
    engine = world.engine("m1")
    front = next(net for net in engine.networks.list() if net.spec.name == "front")
    engine.networks.remove(front.id)

    report = run(world)

    assert [outcome.target for outcome in report.outcomes] == ["network front"]
    assert "front" in {net.spec.name for net in engine.networks.list()}


def test_leaves_no_lock_behind() -> None:
    world = World(managers=3)

    run(world)

    assert [config.spec.name for config in world.engine("m1").configs.list()] == []
    assert [machine.lock_files for machine in world.machines.values()] == [[], [], []]


def test_a_second_operator_sees_who_works_there() -> None:
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
                world.engine("m1").networks.create(NetworkSpec(name="third"))

    consent = Meddler()

    apply(world.ports(), goal(world.inventory, changed), terms(consent=consent))

    assert consent.asked == [False, True]


def test_a_failed_action_stops_what_follows_and_says_so() -> None:
    world = World(managers=1, workers=2)
    begun: list[str] = []

    def cut_power(event: Event) -> None:
        if isinstance(event, ActionStarted):
            begun.append(event.kind)
            if event.kind == "swarm.join-worker":
                world.kill("w2")

    report = run(world, ports=world.ports(listener=cut_power))

    by_target = {outcome.target: outcome.status for outcome in report.outcomes}
    assert by_target["node w1"] is OutcomeStatus.DONE
    assert by_target["node w2"] is OutcomeStatus.FAILED
    assert by_target["network front"] is OutcomeStatus.SKIPPED
    assert report.failed
    assert "network.create" not in begun


def test_a_service_that_never_ran_is_reported_when_nothing_is_left_to_do() -> None:
    world = World(managers=1)
    homeless = "  - service: {name: web, image: web:1, replicas: 2, timeout: 5, constraints: [node.labels.rack == 7]}\n"
    assert run(world, SITE + homeless).exit_code == ExitCode.FAILED

    report = run(world, SITE + homeless)

    assert (report.outcomes, report.exit_code) == ((), ExitCode.INCOMPLETE)
    (sentence,) = report.unsettled
    assert sentence.startswith("service web: 0 tasks run; tasks said: 2 pending: no suitable node")


def unknown_to_a_new_leader(host: str, *, until: float | None) -> World:
    """Return a cluster in the desired state, one of whose nodes is unknown, for good or until a moment."""
    world = World(managers=1, workers=2)
    run(world)
    (node,) = [one for one in world.store("m1").nodes.values() if one.host == host]
    node.unknown = True

    def tick() -> None:
        node.unknown = until is None or world.clock.monotonic() < until
        world.tick()

    world.clock.on_tick = tick
    return world


def test_a_node_that_a_new_leader_has_not_heard_of_yet_is_waited_for() -> None:
    world = unknown_to_a_new_leader("w1", until=30)

    assert (run(world).exit_code, world.clock.monotonic() >= 30) == (ExitCode.DONE, True)


@pytest.mark.parametrize("playbook", [SITE, SITE + "  - network: {name: more}\n"], ids=["up to date", "changed"])
def test_a_node_that_stays_unknown_though_its_host_answers_is_reported_with_its_cure(playbook: str) -> None:
    world = unknown_to_a_new_leader("w1", until=None)

    report = run(world, playbook)

    (sentence,) = report.unsettled
    assert sentence.startswith("node w1 is unknown: its host answers")
    assert sentence.endswith("restart its engine")
    assert (report.failed, report.exit_code) == (False, ExitCode.INCOMPLETE)


def test_stops_between_actions_when_asked_and_converges_when_run_again() -> None:
    world = World(managers=1, workers=1)
    stop = Switch()

    def ask_to_stop(event: Event) -> None:
        stop.requested = stop.requested or isinstance(event, ActionFinished)

    ports = world.ports(listener=ask_to_stop)
    report = apply(ports, goal(world.inventory), terms(stop=stop))

    assert report.interrupted
    assert {outcome.status for outcome in report.outcomes} == {OutcomeStatus.DONE, OutcomeStatus.SKIPPED}
    assert LOCK_NAME not in {config.spec.name for config in world.engine("m1").configs.list()}
    assert not run(world).failed


def test_a_dead_host_is_refused_by_name_and_the_flag_that_allows_it() -> None:
    world = World(managers=1, workers=2)
    world.kill("w2")

    with pytest.raises(RefusedError, match=r"w2 does not answer by SSH: no route to host .*--allow-missing"):
        run(world)

    assert world.writes == []


def test_goes_on_without_a_dead_host_when_allowed_tries_it_once_and_reports_it() -> None:
    world = World(managers=1, workers=2)
    world.kill("w2")

    tried: list[str] = []
    ports = world.ports(listener=lambda event: tried.append(event.host) if isinstance(event, HostFailed) else None)

    report = apply(ports, goal(world.inventory, permissions=Permissions(allow_missing=True)), terms())

    assert (report.failed, report.exit_code) == (False, 3)
    assert [failure.host for failure in report.failures] == ["w2"]
    assert [host for host in tried if host == "w2"] == ["w2"]
    assert len(world.store("m1").nodes) == 2


def test_a_host_of_another_swarm_is_refused_by_name() -> None:
    world = World(managers=2)
    for host in ("m1", "m2"):
        world.engine(host).init_swarm(SwarmSpec(), JoinAddress(world.machines[host].address))

    with pytest.raises(RefusedError, match="m2 is in another swarm"):
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


class Crash(Exception):  # noqa: N818 - the end of the process is not an error of the code
    """The process ends at this point."""


@given(actions=st.integers(min_value=0, max_value=9))
@settings(max_examples=10, deadline=None)
def test_a_run_that_died_at_any_action_converges_when_it_is_run_again(actions: int) -> None:
    world = World(managers=3, workers=2)
    begun = count()

    def die(event: Event) -> None:
        if isinstance(event, ActionStarted) and next(begun) == actions:
            raise Crash

    with contextlib.suppress(Crash):
        run(world, ports=world.ports(listener=die))
    report = run(world)

    assert not report.failed
    assert len(world.store("m1").nodes) == 5
    assert {"front", "back"} <= {net.spec.name for net in world.store("m1").networks.values()}


def test_resets_a_swarm_with_its_leader_last_and_has_nothing_left_to_do() -> None:
    world = World(managers=3, workers=2)
    run(world, SITE + "  - network: {name: local, driver: bridge, subnets: [{subnet: 10.23.0.0/24}]}\n")
    world.requests.clear()
    dissolve = Goal(
        make_plan=partial(reset, inventory=world.inventory),
        look=Look(),
        permissions=Permissions(dissolve=True),
        command="reset",
    )

    report = apply(world.ports(), dissolve, terms())

    assert not report.failed
    leaving = [request.host for request in world.requests if request.verb == "swarm.leave"]
    assert set(leaving[:2]) == {"w1", "w2"}
    assert leaving[-1] == "m1"
    assert all(machine.store is None for machine in world.machines.values())
    assert "local" not in {net.spec.name for net in world.engine("w1").networks.list()}
    assert apply(world.ports(), dissolve, terms()).outcomes == ()


def test_prunes_what_swarmnet_made_and_nothing_else() -> None:
    world = World(managers=1)
    run(world)
    world.engine("m1").networks.create(NetworkSpec(name="theirs"))
    less = SITE.replace("  - network: {name: back, attachable: true, subnets: [{subnet: 10.21.0.0/24}]}\n", "")
    wanted = goal(world.inventory, less, Permissions(prune=True))
    provided = frozenset({("network", "front")})

    pruning = replace(wanted, make_plan=lambda state: with_removals(wanted.make_plan(state), provided=provided))
    report = apply(world.ports(), pruning, terms())

    assert [outcome.target for outcome in report.outcomes] == ["network back"]
    assert {"front", "theirs"} <= {net.spec.name for net in world.engine("m1").networks.list()}
