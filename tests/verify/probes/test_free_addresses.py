"""Addresses that a run would take, counted against what a network has left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.network import Network, NetworkSpec, Subnet
from swarmnet.model.report import Status
from swarmnet.model.service import Attachment, Service, ServiceSpec, Task
from swarmnet.model.state import ClusterState
from swarmnet.report.terminal.verdicts import answer
from swarmnet.verify.ids import CauseId
from swarmnet.verify.probes.free_addresses import room_of
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.story import VerifyOptions, verify
from swarmnet.workflows.fleet.observe import observe
from tests.simulator import World
from tests.support.simulated_probe import KIT, Paths, this_run

if TYPE_CHECKING:
    from swarmnet.model.verification import Verification


def world_with(subnet: str) -> World:
    world = World(managers=1, workers=2)
    world.bootstrap()
    spec = NetworkSpec(name="front", attachable=True, subnets=(Subnet(subnet=subnet),))
    world.engine("m1").networks.create(spec)
    world.settle()
    Paths(world)
    return world


@pytest.mark.parametrize(
    ("subnet", "probed", "served"),
    [("10.77.0.0/24", True, True), ("10.77.0.0/28", True, True), ("10.77.0.0/29", False, False)],
)
def test_what_does_not_fit_is_not_begun(subnet: str, *, probed: bool, served: bool) -> None:
    """F17: probes, the nodes' own addresses and the service are counted before the first is taken."""
    world = world_with(subnet)
    ports = world.ports()
    result = verify(ports, observe(ports), VerifyOptions(ALL), kit=KIT, run=this_run())
    assert bool(result.matrices) is probed
    assert any(one.scenario == "vip" and one.status is Status.OK for one in result.verdicts) is served
    left_out = [one for one in result.verdicts if one.cause == CauseId.SUBNET_FULL]
    assert [one.scenario for one in left_out] == ([] if probed else ["allocation"])
    assert probed or "5 addresses are free there; probes take 6" in left_out[0].detail
    assert result.untested == (() if probed else ("front",))


def beside(*, named: tuple[str, ...] = (), used: bool = False) -> Verification:
    """Return what verify finds on a whole network and on one that has no room for probes."""
    world = World(managers=1, workers=2)
    world.bootstrap()
    tiny = NetworkSpec(name="tiny", attachable=True, subnets=(Subnet(subnet="10.77.0.0/29"),))
    for spec in (NetworkSpec(name="front", attachable=True), tiny):
        world.engine("m1").networks.create(spec)
    if used:
        on_tiny = ServiceSpec(name="web", image="web:1", networks=(Attachment(network="tiny"),))
        world.engine("m1").services.create(on_tiny)
    world.settle()
    Paths(world)
    ports = world.ports()
    return verify(ports, observe(ports), VerifyOptions(ALL, networks=named), kit=KIT, run=this_run())


def test_a_small_network_that_nothing_uses_leaves_the_answer_yes_and_is_named_as_not_tested() -> None:
    result = beside()
    assert result.status is Status.OK
    assert answer(result).startswith("yes, the network works: ")
    assert "ok on network front, 3 hosts; not tested: tiny (" in answer(result)
    (reported,) = [one for one in result.verdicts if one.cause == CauseId.SUBNET_FULL]
    assert (reported.status, reported.subject) == (Status.SKIPPED, "network tiny")
    assert "tiny was not tested, and no service or container is on it" in reported.detail
    assert reported.fix is not None  # what is skipped and has advice is always shown


@pytest.mark.parametrize(("named", "used"), [(("front", "tiny"), False), ((), True)])
def test_a_small_network_that_is_used_or_asked_for_keeps_the_answer_open_next_to_what_is_proved(
    named: tuple[str, ...], *, used: bool
) -> None:
    result = beside(named=named, used=used)
    assert result.status is Status.INCONCLUSIVE
    assert answer(result).startswith("not known: 1 reason kept checks from running: network tiny: ")
    assert "; what was tested works: " in answer(result)
    assert "ok on network front, 3 hosts (" in answer(result)


def test_a_network_with_room_for_probes_alone_is_tested_without_the_service() -> None:
    """F17: smaller where all of it would not fit."""
    world = world_with("10.77.0.0/28")
    taken = tuple(f"10.77.0.{number}/28" for number in range(2, 6))
    ports = world.ports()
    state = observe(ports)
    task = Task(
        id="t", service_id="s", node_id="n", state="running", desired_state="running", networks={"front": taken}
    )
    result = verify(ports, state.model_copy(update={"tasks": (task,)}), VerifyOptions(ALL), kit=KIT, run=this_run())
    assert result.status is Status.OK
    (reported,) = [one for one in result.verdicts if one.scenario == "allocation" and one.status is Status.SKIPPED]
    assert "no probe service on front: 8 addresses are free there; probes take 6" in reported.detail


def test_tasks_services_and_the_nodes_of_both_take_addresses_and_what_ended_takes_none() -> None:
    network = Network(id="n", spec=NetworkSpec(name="front", subnets=(Subnet(subnet="10.77.0.0/28"),)))
    on: dict[str, tuple[str, ...]] = {"front": ("10.77.0.2/28",)}
    runs = Task(id="a", service_id="s", node_id="n1", state="running", desired_state="running", networks=on)
    ended = runs.model_copy(update={"id": "b", "state": "shutdown", "networks": {"front": ("10.77.0.9/28",)}})
    web = Service(id="s", version=1, spec=ServiceSpec(name="w", image="w"), virtual_ips={"front": "10.77.0.3/28"})
    room = room_of(ClusterState(tasks=(runs, ended), services=(web,)), network, ())
    assert room is not None
    assert room.free == 13 - 3
