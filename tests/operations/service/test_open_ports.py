"""D: ports that other processes of the hosts hold, reported when planning."""

from __future__ import annotations

import pytest

from swarmnet.model.service import Protocol, PublishedPort, ServiceSpec
from swarmnet.model.state import OpenPort
from swarmnet.workflows.fleet.observe import observe
from tests.operations.service.test_service import HOSTS, holding, step
from tests.simulator import World
from tests.support.plans import plan

OPEN = OpenPort(port=8080, protocol=Protocol.TCP, uid=999)
CHOICE, CHOSEN = PublishedPort(target=81), 30000
"""A port whose number the engine chooses, and the first that it does."""
SSHD = OpenPort(port=22, protocol=Protocol.TCP, uid=0)
LINE = "   7: 00000000:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 86 1\n"


def warnings(steps: str, **open_ports: tuple[OpenPort, ...] | None) -> list[str]:
    before = holding()
    hosts = (one.model_copy(update={"open_ports": open_ports[one.host]}) for one in before.hosts)
    state = before.model_copy(update={"hosts": tuple(hosts)})
    return [text for text in plan(steps, state, HOSTS).warnings if "another process" in text]


HELD = {
    "the mesh": (
        step(ports="['8080:80']"),
        "8080/tcp is held by another process on w1 (user id 999); the routing mesh",
    ),
    "a task's own": (step(ports="['8080:80@host']"), "on w1 (user id 999); a task that is placed there fails"),
    "of a global service": (step(mode="global", ports="['8080:80@host']"), "on w1 (user id 999); a task"),
}
FREE = {
    "another port": step(ports="['8081:80']"),
    "another protocol": step(ports="['8080:80/udp']"),
    "a port that the engine chooses": step(ports="['80']"),
    "no port": step(),
    "a task that is never placed there": step(ports="['8080:80@host']", constraints="[node.role == manager]"),
}


@pytest.mark.parametrize("case", HELD)
def test_a_port_that_another_process_holds_is_reported_with_host_and_user(case: str) -> None:
    steps, text = HELD[case]
    (reported,) = warnings(steps, m1=(), w1=(SSHD, OPEN))
    assert text in reported


@pytest.mark.parametrize("case", FREE)
def test_what_is_not_in_the_way_is_not_reported(case: str) -> None:
    assert warnings(FREE[case], m1=(), w1=(SSHD, OPEN)) == []


def test_hosts_that_cannot_say_are_not_named() -> None:
    assert warnings(step(ports="['8080:80']"), m1=None, w1=None) == []


def test_open_ports_of_services_are_their_engines_own_and_no_other_process() -> None:
    world = World(managers=1, workers=1)
    world.bootstrap()
    published = PublishedPort(published=8080, target=80)
    world.engine("m1").services.create(ServiceSpec(name="web", image="i:1", ports=(published, CHOICE)))
    for machine in world.machines.values():
        machine.files["/proc/net/tcp"] = "".join(LINE.format(port=port) for port in (22, 8080, 9000, CHOSEN)).encode()
    seen = {facts.host: facts.open_ports for facts in observe(world.ports()).hosts}
    assert {host: [one.port for one in ports or ()] for host, ports in seen.items()} == {
        "m1": [22, 9000],
        "w1": [22, 9000],
    }
