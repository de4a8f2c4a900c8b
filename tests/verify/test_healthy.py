"""Healthy clusters of every shape are green: a table, so that the next false alarm is a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.hosts import Availability
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.report import Status
from swarmnet.model.swarm import NodeSpec
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.scenarios.encryption.captured import SightedScenario
from swarmnet.verify.story import VerifyOptions, verify
from swarmnet.workflows.fleet.observe import observe
from tests.simulator import World
from tests.support.simulated_probe import KIT, Paths, this_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.verification import Verification

FRONT = NetworkSpec(name="front", attachable=True)
WIRELESS = tuple(one for one in ALL if not isinstance(one, SightedScenario) and one.name != "encryption-rules")
"""Simulated hosts have no wire on which encryption shows, and no rules for it."""


def made(managers: int, workers: int, *networks: NetworkSpec) -> World:
    world = World(managers=managers, workers=workers)
    world.bootstrap()
    for spec in networks or (FRONT,):
        world.engine("m1").networks.create(spec)
    world.settle()
    Paths(world)
    return world


def proved(world: World) -> Verification:
    ports = world.ports()
    scenarios = WIRELESS if any(net.spec.encrypted for net in world.engine("m1").networks.list()) else ALL
    return verify(ports, observe(ports), VerifyOptions(scenarios), kit=KIT, run=this_run())


def set_to(world: World, host: str, availability: Availability) -> World:
    engine = world.engine("m1")
    node = next(one for one in engine.nodes.list() if one.hostname == host)
    engine.nodes.update(node.id, node.version, NodeSpec(availability=availability))
    world.settle()
    return world


HEALTHY: dict[str, Callable[[], World]] = {
    "one host": lambda: made(1, 0),
    "two hosts": lambda: made(1, 1),
    "three managers": lambda: made(3, 0),
    "five hosts": lambda: made(3, 2),
    "a drained node": lambda: set_to(made(1, 2), "w2", Availability.DRAIN),
    "a paused node": lambda: set_to(made(1, 2), "w2", Availability.PAUSE),
    "a drained manager alone": lambda: set_to(made(1, 2), "m1", Availability.DRAIN),
    "one of two drained": lambda: set_to(made(1, 1), "w1", Availability.DRAIN),
    "all drained but one": lambda: set_to(set_to(made(1, 2), "w1", Availability.DRAIN), "w2", Availability.DRAIN),
    "only encrypted": lambda: made(1, 2, NetworkSpec(name="vault", attachable=True, encrypted=True)),
    "thirty overlays": lambda: made(1, 2, *(NetworkSpec(name=f"net{n}", attachable=True) for n in range(30))),
    "none attachable": lambda: made(1, 2, NetworkSpec(name="closed")),
    "some attachable": lambda: made(2, 1, FRONT, NetworkSpec(name="closed")),
    "none attachable, one drained": lambda: set_to(made(1, 2, NetworkSpec(name="closed")), "w2", Availability.DRAIN),
    "both families": lambda: made(
        1,
        2,
        NetworkSpec(
            name="front",
            attachable=True,
            ipv6=True,
            subnets=(Subnet(subnet="10.77.0.0/24"), Subnet(subnet="fd00:77::/64")),
        ),
    ),
}


@pytest.mark.parametrize("shape", HEALTHY)
def test_a_healthy_cluster_raises_no_alarm(shape: str) -> None:
    """F1, F2, F12: nothing failed, nothing is inconclusive, nothing is a warning."""
    result = proved(HEALTHY[shape]())
    loud = [f"{one.scenario}: {one.subject}: {one.detail}" for one in result.verdicts if one.status not in QUIET]
    assert loud == []
    assert result.status is Status.OK


QUIET = (Status.OK, Status.SKIPPED)


def test_a_drained_node_is_reported_with_what_makes_it_take_containers_again() -> None:
    result = proved(HEALTHY["a drained node"]())
    (reported,) = [one for one in result.verdicts if one.scenario == "probe"]
    assert (reported.status, reported.evidence["cause"]) == (Status.SKIPPED, "drain")
    assert reported.fix == "to test it, run: docker node update --availability active w2"


def test_overlays_that_take_no_containers_are_tested_by_tasks_and_nothing_of_them_is_left() -> None:
    """F11: Docker's default is not attachable."""
    world = HEALTHY["none attachable"]()
    result = proved(world)
    assert {(one.network, tuple(one.counts().items())) for one in result.matrices} == {("closed", ((Status.OK, 6),))}
    assert {one.spec.name for one in world.engine("m1").services.list()} == set()
    assert all(not machine.containers for machine in world.machines.values())


@pytest.mark.parametrize("networks", [(), (NetworkSpec(name="closed"),)])
def test_published_ports_need_no_overlay(networks: tuple[NetworkSpec, ...]) -> None:
    """G6: what needs no overlay runs without one, and says what it found."""
    world = World(managers=1, workers=2)
    world.bootstrap()
    for spec in networks:
        world.engine("m1").networks.create(spec)
    world.settle()
    Paths(world)
    ports = world.ports()
    only = tuple(one for one in ALL if one.name in ("published", "mesh-tcp", "nodes"))
    result = verify(ports, observe(ports), VerifyOptions(only), kit=KIT, run=this_run())
    assert {(one.scenario, one.status) for one in result.verdicts} == {
        ("nodes", Status.OK),
        ("mesh-tcp", Status.OK),
        ("published", Status.SKIPPED),
    }


def test_without_an_overlay_what_needs_one_is_skipped_with_the_reason() -> None:
    """G6: verify runs what it can, and gives the reason for the rest."""
    world = World(managers=1, workers=1)
    world.bootstrap()
    Paths(world)
    result = proved(world)
    assert result.status is Status.OK
    (reported,) = [one for one in result.verdicts if one.scenario == "icmp"]
    assert (reported.status, reported.detail) == (Status.SKIPPED, "the swarm has no overlay network to test")


def test_one_reason_for_all_hosts_is_one_cause_and_the_rest_follows_from_it() -> None:
    """F10: a full disk or subnet was 11 to 27 causes, each to be fixed by bringing the host back."""
    world = made(1, 2)
    world.unattachable = {"m1", "w1", "w2"}
    causes = [one for one in proved(world).verdicts if one.status not in QUIET and not one.because_of]
    assert [(one.scenario, one.evidence["hosts"]) for one in causes] == [("probe", ["m1", "w1", "w2"])]
    assert "2377/tcp is open from m1 w1 w2 to all managers" in str(causes[0].fix)
