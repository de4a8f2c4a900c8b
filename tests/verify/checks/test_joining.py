"""Hosts are looked at before they enter a swarm: refused or warned of, and nothing is asked where none enters."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import RefusedError
from swarmnet.model.ref import Ref
from swarmnet.model.service import Protocol
from swarmnet.model.state import OpenPort
from swarmnet.operations.swarm.actions import Join
from swarmnet.operations.swarm.leave import LeaveSwarm
from swarmnet.plan.guard import Permissions
from swarmnet.plan.recovery.describe import document
from swarmnet.plan.recovery.steps import Choices
from swarmnet.verify.checks.joining import readiness
from swarmnet.workflows.apply import Readiness, apply, prepare
from swarmnet.workflows.fleet.observe import RECORDED, observe
from swarmnet.workflows.restore import Restore
from tests.simulator import World
from tests.support.backups import CREATED
from tests.support.goals import goal, terms

TABLES = (
    b"/proc/net/fib_trie:x\n/proc/net/tcp:   0: 00000000:1F0A 00000000:0000 0A 00000000:00000000 00:00000000 00000000"
    b"   100        0 1 1\n"
)
"""A host on which user 100 listens on 7946."""

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.plan import Plan
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState, EngineFacts
    from swarmnet.model.swarm import Node
    from swarmnet.workflows.apply import Goal, Prepared
    from tests.simulator import Machine


def world(*, silent: tuple[str, ...] = (), same: bool = False) -> World:
    """Return hosts without a swarm; ``silent`` ones reach no manager, and ``same`` ones are copies."""
    made = World(managers=1, workers=2)

    def answer(machine: Machine, argv: Sequence[str], _stdin: bytes) -> tuple[int, bytes, bytes]:
        pairs = list(zip(argv[4::2], argv[5::2], strict=True))
        kind = "silent" if machine.name in silent else "refused" if not machine.node_id else "open"
        lines = [f"{kind} {address} {port}" for address, port in pairs]
        lines.append(f"machine {'copy' if same else machine.name} -")
        return 0, "\n".join(lines).encode(), b""

    for machine in made.machines.values():
        machine.programs["sh"] = answer
    return made


def site(made: World, *, allowed: bool = False, **odd: EngineFacts | object) -> Goal:
    """Return a goal whose hosts are looked at; keywords change the facts of one host's engine."""

    def look(ports: Ports, plan: Plan, state: ClusterState) -> Readiness:
        hosts = tuple(
            one.model_copy(update={"engine": one.engine.model_copy(update=dict(odd))}) if one.host == "w1" else one
            for one in state.hosts
        )
        return readiness(ports, plan, state.model_copy(update={"hosts": hosts}), allowed=allowed)

    return replace(goal(made.inventory), readiness=look)


def prepared(made: World, **how: object) -> Prepared:
    return prepare(made.ports(), site(made, **how))  # type: ignore[arg-type]


def test_healthy_hosts_enter_without_a_word() -> None:
    found = prepared(world())

    assert (found.refusals, found.plan.warnings) == ((), ())


def test_nothing_is_asked_where_no_host_enters() -> None:
    made = World(managers=1, workers=2)
    apply(made.ports(), goal(made.inventory), terms())
    asked: list[Plan] = []

    def look(_ports: Ports, plan: Plan, _state: ClusterState) -> Readiness:
        asked.append(plan)
        return Readiness()

    report = apply(made.ports(), replace(goal(made.inventory), readiness=look), terms())

    assert (report.outcomes, asked) == ((), [])


@pytest.mark.parametrize("allowed", [False, True])
def test_a_host_that_does_not_reach_the_manager_is_refused_unless_it_is_allowed(*, allowed: bool) -> None:
    found = prepared(world(silent=("w1",)), allowed=allowed)

    reported = [str(one) for one in found.refusals] if not allowed else list(found.plan.warnings)
    assert len(reported) == 1
    assert reported[0].startswith("w1 does not reach ")
    assert bool(found.refusals) is not allowed


@pytest.mark.parametrize("lost", ["does not answer", "joins again", "is replaced"])
def test_no_host_has_to_reach_a_manager_that_is_down_or_leaves_or_that_joins_again_itself(lost: str) -> None:
    made = world()
    seen = prepare(made.ports(), goal(made.inventory))
    (first, *_workers) = (one for one in seen.plan.predicted.nodes if one.reachability)
    down = {"reachability": "unreachable"} if lost == "does not answer" else {}
    node = first.model_copy(update={"manager_address": "10.66.0.77:2377", "reachability": "reachable", **down})
    node = node.model_copy(update={"id": "another"}) if lost == "is replaced" else node
    joins = [
        one.model_copy(update={"advertise": "10.66.0.77"} if lost == "joins again" else {})
        for one in seen.plan.actions
        if isinstance(one, Join)
    ]
    asked = asked_of(made, seen, joins, node)

    assert len(asked) == 3
    assert not [argv for argv in asked if "10.66.0.77" in argv]


def asked_of(made: World, seen: Prepared, joins: list[Join], node: Node) -> list[Sequence[str]]:
    """Return the commands that hosts which join a swarm with this manager are asked to run."""
    asked: list[Sequence[str]] = []

    def answer(_machine: Machine, argv: Sequence[str], _stdin: bytes) -> tuple[int, bytes, bytes]:
        asked.append(argv)
        return 0, b"machine x -", b""

    for machine in made.machines.values():
        machine.programs["sh"] = answer
    plan = seen.plan.model_copy(update={"actions": tuple(joins)})
    readiness(made.ports(), plan, seen.state.model_copy(update={"nodes": (node,)}), allowed=False)
    return asked


def test_a_manager_that_is_known_by_ipv6_must_be_reached_by_ipv6() -> None:
    made = world()
    seen = prepare(made.ports(), goal(made.inventory))
    first = next(one for one in seen.plan.predicted.nodes if one.reachability)
    node = first.model_copy(update={"manager_address": "[fd00:db8::7]:2377", "reachability": "reachable"})
    joins = [one for one in seen.plan.actions if isinstance(one, Join)]

    asked = [argv for argv in asked_of(made, seen, joins, node) if len(argv) > 4]

    assert [[*argv[4:]] for argv in asked] == [["fd00:db8::7", "2377", "fd00:db8::7", "7946"]] * len(joins)


def test_a_refused_host_changes_nothing_and_the_error_names_the_flag() -> None:
    made = world(silent=("w1",))

    with pytest.raises(RefusedError) as caught:
        apply(made.ports(), site(made), terms())

    assert "--allow-unready" in (caught.value.hint or "")
    assert made.writes == []


@pytest.mark.parametrize("allowed", [False, True])
def test_a_restore_looks_at_the_hosts_that_it_lets_in(*, allowed: bool) -> None:
    source = World(managers=1, workers=2)
    apply(source.ports(), goal(source.inventory), terms())
    seen = observe(source.ports(), RECORDED)
    saved = document(seen, cluster=source.inventory.cluster, backup_id="ab" * 16, created=CREATED, tool="swarmnet")
    made = world(silent=("w1",))
    look = partial(readiness, allowed=allowed)

    found = prepare(made.ports(), Restore(saved, made.inventory, Choices({}, {}), readiness=look).goal(Permissions()))

    assert bool(found.refusals) is not allowed
    assert "w1 does not reach" in (found.plan.warnings[0] if allowed else str(found.refusals[0]))


@pytest.mark.parametrize(("ahead", "is_refused"), [(90.0, True), (20.0, False)])
def test_a_clock_that_is_off_is_refused_or_warned_of(ahead: float, is_refused: object) -> None:
    made = world()
    made.machines["w1"].ahead = ahead

    found = prepared(made)

    assert bool(found.refusals) is is_refused
    assert "the clock of w1 is" in (str(found.refusals[0]) if is_refused else found.plan.warnings[0])


def test_an_engine_without_root_is_refused_and_no_flag_allows_it() -> None:
    (found,) = prepared(world(), rootless=True, allowed=True).refusals

    assert found.flag is None


def test_copies_are_warned_of() -> None:
    (warning,) = prepared(world(same=True)).plan.warnings

    assert "have the same machine-id" in warning


PORT = OpenPort(port=7946, protocol=Protocol.TCP, uid=100)


@pytest.mark.parametrize("stays", [True, False])
def test_a_port_in_use_is_refused_unless_it_is_given_back_soon(*, stays: bool) -> None:
    made = world()
    seen = prepare(made.ports(), goal(made.inventory))
    busy = tuple(one.model_copy(update={"open_ports": (PORT,)}) for one in seen.state.hosts)
    if stays:
        made.machines["w1"].programs["grep"] = lambda *_: (0, TABLES, b"")

    found = readiness(made.ports(), seen.plan, seen.state.model_copy(update={"hosts": busy}), allowed=False)

    assert [one.text.partition(" is in use")[0] for one in found.refusals] == ["port 7946/tcp of w1"] * stays


def test_a_host_that_leaves_another_swarm_first_may_have_its_ports_until_then() -> None:
    made = world()
    seen = prepare(made.ports(), goal(made.inventory))
    busy = tuple(one.model_copy(update={"open_ports": (PORT,)}) for one in seen.state.hosts)
    for name in ("w1", "w2"):
        made.machines[name].programs["grep"] = lambda *_: (0, TABLES, b"")
    leaves = LeaveSwarm(host="w1", object=Ref(kind="node", name="w1"), why="")
    plan = seen.plan.model_copy(update={"actions": (leaves, *seen.plan.actions)})

    found = readiness(made.ports(), plan, seen.state.model_copy(update={"hosts": busy}), allowed=False)

    assert [one.text.partition(" is in use")[0] for one in found.refusals] == ["port 7946/tcp of w2"]
