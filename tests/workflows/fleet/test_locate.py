"""Hosts with DNS names are placed by where the names lead, not by what the hosts say (H10)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.events import Progress
from swarmnet.workflows.fleet.observe import observe
from tests.simulator import World
from tests.simulator.liar import Lies, PortsWithLiar
from tests.simulator.world import SimulatedPorts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.events import Event
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.ports import Approach
    from tests.simulator.machine import Machine, Program


class BehindJump(PortsWithLiar):
    """A run that comes to the workers through a jump host."""

    def approach(self, host: str) -> Approach:
        way = super().approach(host)
        return way if host == "m1" else replace(way, between="SSH reaches it through jump host gate", peer=None)


def world_of_names() -> World:
    """Return a swarm whose hostnames have nothing in common with the names of the inventory."""
    world = World(managers=1, workers=2)
    world.bootstrap()
    for name in ("w1", "w2"):
        world.machines[name].own_name = f"ip-{name[1:]}-of-the-cloud"
    return world


def named(world: World) -> Inventory:
    hosts = (
        host.model_copy(update={"address": f"{host.name}.example.net", "advertise": None})
        for host in world.inventory.hosts
    )
    return world.inventory.model_copy(update={"hosts": tuple(hosts)})


def lies_as(world: World, other: str) -> Lies:
    """Return what a host says that claims to be another one, which is gone."""
    return Lies(facts=[world.engine(other).facts()])


def getent(machines: dict[str, str]) -> Program:
    def program(_machine: Machine, argv: Sequence[str], _stdin: bytes) -> tuple[int, bytes, bytes]:
        address = machines.get(argv[-1].partition(".")[0])
        return (2, b"", b"") if address is None else (0, f"{address}      STREAM x\n{address}  DGRAM\n".encode(), b"")

    return program


@pytest.mark.parametrize("ports", [PortsWithLiar, BehindJump])
def test_a_worker_that_claims_the_node_of_a_dead_one_is_refused(ports: type[PortsWithLiar]) -> None:
    world = world_of_names()
    lies = lies_as(world, "w2")
    world.kill("w2")
    world.machines["m1"].programs["getent"] = getent({name: one.address for name, one in world.machines.items()})

    state = observe(ports(world, named(world), "w1", lies))

    (reason,) = [one.reason for one in state.failures if one.host == "w1" and one.disbelieved]
    assert "at its address in the inventory" in reason


def test_honest_hosts_with_names_are_believed_without_a_word() -> None:
    world = world_of_names()
    heard: list[Event] = []

    state = observe(SimulatedPorts(world, named(world), heard.append))

    assert state.failures == ()
    assert heard == []


def test_a_worker_that_only_its_own_word_places_is_announced() -> None:
    world = world_of_names()
    heard: list[Event] = []
    ports = BehindJump(world, named(world), "w1", Lies())
    ports.listener = heard.append
    world.machines["m1"].programs["getent"] = getent({"w2": world.machines["w2"].address})

    assert observe(ports).failures == ()

    (warning,) = [one.text for one in heard if isinstance(one, Progress)]
    assert warning.startswith("warning: which node w1 is, only it says")
    assert "write 'advertise: ADDRESS'" in warning
