"""What an update makes of ports in the mesh is tried by connections from the operator's machine (G1)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ConvergenceError
from swarmnet.model.events import Progress, ignore
from swarmnet.model.service import Protocol, PublishedPort, ServiceSpec
from swarmnet.operations.service.port_check import OPENS, not_tried
from tests.simulator.world import SimulatedPorts, World
from tests.support.simulated_state import apply, planned

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.events import Event
    from swarmnet.model.ports import Approach

BEFORE = "- swarm: {}\n- service: {name: web, image: 'i:1', replicas: 2, ports: ['8080:80']}\n"
AFTER = BEFORE.replace("'8080:80'", "'8080:80', '8081:80'")


def knocked(world: World, opens: Callable[[int, str], bool]) -> list[str]:
    """Let doors open as described where a task is behind them, and return those that are knocked at."""
    doors: list[str] = []

    def answer(job: JsonObject) -> JsonObject:
        (task,) = list_of(job["tasks"])
        assert isinstance(task, dict)
        targets = task["targets"]
        outcomes: JsonObject = {}
        assert isinstance(targets, dict)
        for key, target in targets.items():
            _address, port, kind = list_of(target)
            assert isinstance(port, int)
            assert kind == "open"
            doors.append(key)
            is_open = opens(port, key.partition("/")[2]) and bool(world.store("m1").discovery.behind(port))
            outcomes[key] = {"ok": is_open}
        return {"doors": {"targets": outcomes}}

    world.operator_program = answer
    return doors


def list_of(value: JsonValue) -> list[JsonValue]:
    assert isinstance(value, list)
    return value


def cluster() -> World:
    world = World(managers=1, workers=1)
    apply(world, BEFORE)
    return world


def test_ports_that_open_everywhere_end_the_update_at_once() -> None:
    world = cluster()
    doors = knocked(world, lambda _port, _host: True)
    forced = force_count(world)

    apply(world, AFTER)

    assert set(doors) == {"8080/m1", "8080/w1", "8081/m1", "8081/w1"}
    assert force_count(world) == forced + 2


def test_a_new_port_that_is_shut_on_one_host_alone_is_an_error_that_names_it() -> None:
    world = cluster()
    knocked(world, lambda port, host: (port, host) != (8081, "w1"))

    with pytest.raises(ConvergenceError, match="service web runs, but takes no connections at 8081 on w1"):
        apply(world, AFTER)


def test_a_port_that_is_lost_has_its_tasks_replaced_once() -> None:
    world = cluster()
    forced = force_count(world)
    knocked(world, lambda _port, _host: force_count(world) != forced + 2)

    apply(world, AFTER)

    assert force_count(world) == forced + 3


def test_a_port_that_stays_lost_is_an_error() -> None:
    world = cluster()
    forced = force_count(world)
    knocked(world, lambda _port, host: host == "m1" or force_count(world) < forced + 2)
    begun = world.clock.monotonic()

    with pytest.raises(ConvergenceError, match="takes no connections at 8080 on w1, 8081 on w1"):
        apply(world, AFTER)
    assert world.clock.monotonic() - begun < 3 * OPENS


@pytest.mark.parametrize("steps", [AFTER, AFTER.replace("i:1", "i:2")], ids=["ports", "ports and image"])
def test_doors_that_never_opened_from_here_prove_nothing_and_fail_nothing(steps: str) -> None:
    world = cluster()
    doors = knocked(world, lambda _port, _host: False)
    forced = force_count(world)

    apply(world, steps)

    assert doors
    assert force_count(world) == forced + 2


def test_an_update_that_leaves_the_ports_knocks_nowhere() -> None:
    world = cluster()
    doors = knocked(world, lambda _port, _host: True)

    apply(world, BEFORE.replace("i:1", "i:2"))

    assert doors == []


def test_a_host_whose_node_is_down_is_not_knocked_at() -> None:
    world = World(managers=1, workers=2)
    apply(world, BEFORE)
    doors = knocked(world, lambda _port, _host: True)
    world.kill("w2")
    world.settle()

    apply(world, AFTER)

    assert not any(door.endswith("w2") for door in doors)


class BehindCommand(SimulatedPorts):
    """The ports of a run that comes to w1 through a ProxyCommand."""

    def approach(self, host: str) -> Approach:
        between = "SSH reaches it through a ProxyCommand" if host == "w1" else None
        return replace(super().approach(host), between=between)


class BehindJumpHost(SimulatedPorts):
    """The ports of a run that comes to the workers through a jump host, which tries doors as ``tries`` says."""

    def __init__(self, world: World, tries: Callable[[str, int], bool | None]) -> None:
        super().__init__(world, world.inventory, ignore)
        self.tries = tries

    def approach(self, host: str) -> Approach:
        if host == "m1":
            return super().approach(host)
        return replace(super().approach(host), between="SSH reaches it through jump host gate", tunnels=True)

    def opens(self, host: str, port: int) -> bool | None:
        return self.tries(host, port)


def through_gate(tries: Callable[[str, int], bool | None], *, here: bool = True) -> tuple[set[int], set[str]]:
    """Add a port to a service of three hosts, two of which are behind a jump host.

    Return the ports that the service has then, and the hosts that were tried from the jump host.
    """
    tried: set[str] = set()

    def noted(host: str, port: int) -> bool | None:
        tried.add(host)
        return tries(host, port)

    world = World(managers=1, workers=2)
    apply(world, BEFORE)
    knocked(world, lambda _port, _host: here)
    ports = BehindJumpHost(world, noted)
    for action in planned(world, AFTER).actions:
        action.run(ports)
    (web,) = world.engine("m1").services.list()
    return {port.published for port in web.spec.ports or () if port.published}, tried


def test_a_door_behind_a_jump_host_is_tried_from_there() -> None:
    with pytest.raises(ConvergenceError, match="takes no connections at 8081 on w2"):
        through_gate(lambda host, port: (host, port) != ("w2", 8081))


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("gate", [True, False, None])
def test_what_one_side_sees_says_nothing_of_the_other(gate: bool | None, *, here: bool) -> None:  # noqa: FBT001
    """A firewall may let the jump host in and this machine not, or the other way round."""
    assert through_gate(lambda _host, _port: gate, here=here) == ({8080, 8081}, {"w1", "w2"})


def test_a_door_that_the_jump_host_does_not_try_is_not_missed() -> None:
    ports, tried = through_gate(lambda host, _port: None if host == "w2" else True)

    assert (ports, tried) == ({8080, 8081}, {"w1", "w2"})


def published(*texts: str) -> ServiceSpec:
    pairs = (text.split("/") for text in texts)
    ports = tuple(PublishedPort(published=int(number), target=80, protocol=Protocol(kind)) for number, kind in pairs)
    return ServiceSpec(name="web", image="i:1", ports=ports)


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        ((), ("53/udp",), "port 53/udp"),
        (("80/tcp",), ("80/tcp", "53/udp", "54/sctp"), "port 53/udp, port 54/sctp"),
        ((), ("80/tcp",), "TCP ports of w1 (behind a ProxyCommand)"),
        (("80/tcp", "53/udp"), ("80/tcp", "53/udp"), ""),
        (("53/udp",), (), ""),
        (("53/udp", "80/tcp"), ("53/udp",), ""),
    ],
)
def test_what_no_connection_from_here_proves_is_named(
    before: tuple[str, ...], after: tuple[str, ...], left: str
) -> None:
    """G2: datagrams, and hosts behind a command."""
    world = World(managers=1, workers=1)
    ports = BehindCommand(world, world.inventory, ignore)
    text = not_tried(ports, published(*before), published(*after))
    assert text == (f"not tried from here: {left}; swarmnet verify --only published tries them" if left else None)


def test_an_update_says_which_ports_it_could_not_try() -> None:
    world = cluster()
    said: list[Event] = []
    wanted = BEFORE.replace("'8080:80'", "'8080:80', '5353:53/udp'")
    for action in planned(world, wanted).actions:
        action.run(world.ports(listener=said.append))
    texts = [one.text for one in said if isinstance(one, Progress)]
    assert [text for text in texts if "not tried" in text] == [
        "service web: not tried from here: port 5353/udp; swarmnet verify --only published tries them"
    ]


def force_count(world: World) -> int:
    (service,) = world.store("m1").services.values()
    template = service.spec.extra.get("TaskTemplate")
    count = template.get("ForceUpdate", 0) if isinstance(template, dict) else 0
    assert isinstance(count, int)
    return count
