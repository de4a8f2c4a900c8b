"""Healthy clusters of every shape are green: a table, so that the next false alarm is a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.hosts import Availability
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.report import Status
from swarmnet.model.swarm import NodeSpec
from swarmnet.scenarios import ALL
from swarmnet.scenarios.sighted import SightedScenario
from swarmnet.workflows.observe import observe
from swarmnet.workflows.verify import Wish, verify
from tests.simulator import World
from tests.workflows.probing import KIT, Paths, this_run

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
        world.engine("m1").create_network(spec)
    world.settle()
    Paths(world)
    return world


def proved(world: World) -> Verification:
    ports = world.ports()
    scenarios = WIRELESS if any(net.spec.encrypted for net in world.engine("m1").networks()) else ALL
    return verify(ports, observe(ports), Wish(scenarios), kit=KIT, run=this_run())


def resting(world: World, host: str, availability: Availability) -> World:
    engine = world.engine("m1")
    node = next(one for one in engine.nodes() if one.hostname == host)
    engine.update_node(node.id, node.version, NodeSpec(availability=availability))
    world.settle()
    return world


HEALTHY: dict[str, Callable[[], World]] = {
    "one host": lambda: made(1, 0),
    "two hosts": lambda: made(1, 1),
    "three managers": lambda: made(3, 0),
    "five hosts": lambda: made(3, 2),
    "a drained node": lambda: resting(made(1, 2), "w2", Availability.DRAIN),
    "a paused node": lambda: resting(made(1, 2), "w2", Availability.PAUSE),
    "a drained manager alone": lambda: resting(made(1, 2), "m1", Availability.DRAIN),
    "one of two drained": lambda: resting(made(1, 1), "w1", Availability.DRAIN),
    "all drained but one": lambda: resting(resting(made(1, 2), "w1", Availability.DRAIN), "w2", Availability.DRAIN),
    "only encrypted": lambda: made(1, 2, NetworkSpec(name="vault", attachable=True, encrypted=True)),
    "thirty overlays": lambda: made(1, 2, *(NetworkSpec(name=f"net{n}", attachable=True) for n in range(30))),
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


def test_a_drained_node_is_told_with_what_makes_it_take_containers_again() -> None:
    result = proved(HEALTHY["a drained node"]())
    (told,) = [one for one in result.verdicts if one.scenario == "probe"]
    assert (told.status, told.evidence["cause"]) == (Status.SKIPPED, "drain")
    assert told.fix == "docker node update --availability active w2 lets it take containers again"
