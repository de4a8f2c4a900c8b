"""Networks of every kind on real engines: made from a template of each host, replaced under services, left alone."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab.image import make_image
from tests.support.commands import Operator, attach, docker
from tests.support.waiting import soon

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab
IMAGE = "networks:1"
HOSTS = ("m1", "m2", "m3")
WEB = (
    f"service: {{name: web, image: '{IMAGE}', replicas: 2, networks: [{{network: front, aliases: [pages]}}],"
    " env: {KEPT: 'yes'}, stop_grace_period: 1s, update: {parallelism: 0, monitor: 0s}}"
)


def front(subnet: str) -> str:
    return f"network: {{name: front, attachable: true, subnets: [{{subnet: {subnet}}}]}}"


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Operator:
    operator = Operator(tmp_path)
    operator.writes_inventory(lab, {one: {"role": "manager"} for one in HOSTS})
    make_image(lab, IMAGE)
    return operator


def apply(operator: Operator, *steps: str, flags: tuple[str, ...] = (), exits: int = 0) -> str:
    playbook = operator.writes_playbook("swarm: {}", *steps)
    return operator.types("apply", playbook, "-i", "hosts.yml", "--yes", *flags, exits=exits)


def test_a_macvlan_of_the_swarm_takes_its_addresses_from_each_hosts_own_template(lab: Lab, operator: Operator) -> None:
    parts = list(lab.record.subnet.subnets(new_prefix=28))[8 : 8 + len(HOSTS)]
    shared = "name: lan-here, driver: macvlan, config_only: true, options: {parent: eth0}"
    templates = [
        f"{{network: {{{shared}, subnets: [{{subnet: {lab.record.subnet}, ip_range: {part}}}]}}, on: {host}}}"
        for host, part in zip(HOSTS, parts, strict=True)
    ]
    lan = "network: {name: lan, driver: macvlan, scope: swarm, config_from: lan-here, attachable: true}"

    apply(operator, *templates, lan)

    attach(lab, "m1", "one", network="lan", image=IMAGE)
    attach(lab, "m2", "two", network="lan", image=IMAGE)
    (box,) = json.loads(docker(lab, "m2", "inspect", "two"))
    address = box["NetworkSettings"]["Networks"]["lan"]["IPAddress"]
    assert IPv4Address(address) in parts[1]
    ping = ["docker", "exec", "one", "ping", "-c", "1", "-W", "2", address]
    assert soon(lambda: lab.exec("m1", ping).exit_code == 0)
    operator.types("plan", "play.yml", "-i", "hosts.yml", "--check")


def test_a_replaced_network_has_its_services_back_with_all_that_they_were(lab: Lab, operator: Operator) -> None:
    bridge = "network: {name: local, driver: bridge, subnets: [{subnet: %s}]}"
    apply(operator, front("10.151.0.0/24"), bridge % "172.29.1.0/24", WEB)
    before = _web(lab)

    steps = (front("10.152.0.0/24"), bridge % "172.29.2.0/24", WEB)
    assert "hint: to allow this, add --replace front --replace local\n" in apply(operator, *steps, exits=5)
    attach(lab, "m2", "guest", network="front", image=IMAGE)
    flags = ("--replace", "front,local")
    said = apply(operator, *steps, flags=flags, exits=5)
    assert "network front cannot be replaced while containers that are not tasks use it: guest on m2" in said
    assert _web(lab) == before

    docker(lab, "m2", "rm", "--force", "guest")
    assert "a second plan is empty" in apply(operator, *steps, flags=flags)

    assert _web(lab) == before
    (seen,) = json.loads(docker(lab, "m1", "network", "inspect", "front"))
    assert seen["IPAM"]["Config"][0]["Subnet"] == "10.152.0.0/24"
    for host in HOSTS:
        (seen,) = json.loads(docker(lab, host, "network", "inspect", "local"))
        assert seen["IPAM"]["Config"][0]["Subnet"] == "172.29.2.0/24"
    running = docker(lab, "m1", "service", "ps", "web", "--filter", "desired-state=running", "--format", "{{.ID}}")
    (task, _) = json.loads(docker(lab, "m1", "inspect", *running.split()))
    assert task["NetworksAttachments"][0]["Addresses"][0].startswith("10.152.0.")


def _web(lab: Lab) -> dict[str, object]:
    """What docker itself says of the service, without the id of its network."""
    (seen,) = json.loads(docker(lab, "m1", "service", "inspect", "web"))
    spec: dict[str, object] = seen["Spec"]
    template = seen["Spec"]["TaskTemplate"]
    aliases = [net["Aliases"] for net in template.pop("Networks")]
    template.pop("ForceUpdate", None)
    return {**spec, "aliases": aliases}
