"""What is promised of a run whose managers are lost while it works, on simulated engines."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.errors import ConflictError, NotAManagerError
from swarmnet.model.base import Secret
from swarmnet.model.clock import wait_until
from swarmnet.model.events import ActionStarted, Progress
from swarmnet.model.network import NetworkSpec
from swarmnet.model.report import OutcomeStatus
from swarmnet.model.swarm import ConfigSpec, NewSecret, SecretSpec
from swarmnet.plan.guard import Permissions
from swarmnet.workflows.apply import apply
from swarmnet.workflows.fleet.failover import PATIENCE, Failover
from tests.simulator import World
from tests.support.goals import SITE, goal, run, terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.events import Event
    from swarmnet.model.ports import SwarmPort

SERVICE = "  - service: {name: web, image: 'demo:1', replicas: 2, networks: [front]}\n"

Write = tuple[str, "Callable[[SwarmPort], object]", "Callable[[SwarmPort], list[str]]"]
MADE: tuple[Write, ...] = (
    (
        "network.create",
        lambda manager: manager.networks.create(NetworkSpec(name="one")),
        lambda manager: [net.spec.name for net in manager.networks.list()],
    ),
    (
        "config.create",
        lambda manager: manager.configs.create(ConfigSpec(name="one", data=b"1")),
        lambda manager: [config.spec.name for config in manager.configs.list()],
    ),
    (
        "secret.create",
        lambda manager: manager.secrets.create(NewSecret(SecretSpec(name="one"), Secret(b"1"))),
        lambda manager: [secret.spec.name for secret in manager.secrets.list()],
    ),
)


def swarm(*, managers: int = 3) -> World:
    world = World(managers=managers, workers=1)
    world.bootstrap()
    return world


@pytest.mark.parametrize(("verb", "make", "names"), MADE, ids=[verb for verb, _make, _names in MADE])
def test_what_was_made_though_its_answer_was_lost_is_not_made_twice_and_no_error(
    verb: str, make: Callable[[SwarmPort], object], names: Callable[[SwarmPort], list[str]]
) -> None:
    world = swarm()
    manager = Failover(world.ports()).manager()
    world.lost_answers.append(verb)

    make(manager)

    assert names(manager).count("one") == 1


@pytest.mark.parametrize(("verb", "make", "names"), MADE, ids=[verb for verb, _make, _names in MADE])
def test_a_name_that_was_taken_before_is_a_conflict(
    verb: str, make: Callable[[SwarmPort], object], names: Callable[[SwarmPort], list[str]]
) -> None:
    world = swarm()
    manager = Failover(world.ports()).manager()
    make(manager)

    with pytest.raises(ConflictError):
        make(manager)

    assert names(manager).count("one") == 1, verb


def test_what_was_removed_though_its_answer_was_lost_is_gone() -> None:
    world = swarm()
    manager = Failover(world.ports()).manager()
    network_id = manager.networks.create(NetworkSpec(name="one"))
    world.lost_answers.append("network.remove")

    manager.networks.remove(network_id)

    assert "one" not in [net.spec.name for net in manager.networks.list()]


def test_time_without_a_manager_does_not_count_against_what_is_waited_for() -> None:
    world = swarm()
    ports = Failover(world.ports())
    for host in ("m1", "m2"):
        world.kill(host)
    back = world.clock.monotonic() + PATIENCE / 2

    def revive() -> None:
        if world.clock.monotonic() > back:
            world.revive("m2")

    world.clock.on_tick = revive
    looks = count(1)

    def look() -> tuple[int | None, str]:
        ports.manager().nodes.list()
        return (number if (number := next(looks)) > 3 else None), "not yet"

    assert wait_until(ports.clock, look, what="the third look", timeout=5) == 4
    assert world.clock.monotonic() > back


def test_the_end_of_all_managers_is_waited_for_reported_and_then_an_error() -> None:
    world = swarm()
    reported: list[str] = []
    ports = Failover(
        world.ports(listener=lambda event: reported.append(event.text) if isinstance(event, Progress) else None)
    )
    for host in ("m1", "m2"):
        world.kill(host)

    with pytest.raises(NotAManagerError, match="does not have a leader"):
        ports.manager().nodes.list()

    assert PATIENCE <= world.clock.monotonic() < PATIENCE + 5
    assert len(reported) == 1
    assert "a manager was lost" in reported[0]
    assert f"waiting up to {PATIENCE:.0f} s" in reported[0]


@given(writes=st.integers(min_value=0, max_value=40), answered=st.booleans())
@settings(max_examples=12)
def test_a_run_whose_leader_dies_at_any_request_makes_nothing_twice_and_converges_when_it_is_back(
    writes: int, *, answered: bool
) -> None:
    world = World(managers=3, workers=2)
    wanted = goal(world.inventory, SITE + SERVICE, Permissions(allow_missing=True))

    def arm(event: Event) -> None:
        # From the moment on that there are three managers.
        if isinstance(event, ActionStarted) and event.kind == "swarm.join-worker" and not world.lost_answers:
            world.vanish_after("m1", writes)
            if not answered:
                world.lost_answers += ["network.create", "service.create"]

    first = apply(world.ports(listener=arm), wanted, terms())
    world.revive("m1")
    second = run(world, SITE + SERVICE)

    networks = [net.spec.name for net in world.engine("m2").networks.list()]
    assert not [outcome for outcome in first.outcomes if outcome.status is OutcomeStatus.FAILED]
    assert (second.failed, second.exit_code) == (False, 0)
    assert sorted(node.hostname for node in world.engine("m2").nodes.list()) == ["m1", "m2", "m3", "w1", "w2"]
    assert (networks.count("front"), networks.count("back")) == (1, 1)
    assert world.engine("m2").configs.list() == ()
