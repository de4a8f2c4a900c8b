"""A host that sends what is for its containers to another device than their bridge is named; no other host is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.network import GATEWAY, Network, NetworkSpec, Subnet
from swarmnet.model.report import Status
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.kernels import KERNEL
from swarmnet.verify.keys import WAYS
from swarmnet.verify.planned import Planned
from swarmnet.verify.scenario import OPERATOR, Answer, Answers, MeshService, ObserverTask
from swarmnet.verify.scenarios.hosts.bridge_way import INWARDS
from swarmnet.verify.scenarios.hosts.kernels import Kernels
from swarmnet.verify.scenarios.mesh.host_port import KNOCKED, HostPort
from swarmnet.verify.scenarios.names.upstream import OUTSIDE, UpstreamDns
from tests.support.encrypted_captures import vtep
from tests.support.small_swarm import kernel
from tests.verify.scenarios.test_host_firewall import cluster

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

BLOCK = "172.18.0.0/16"
NAMED = {"com.docker.network.bridge.name": GATEWAY}


def bridged(
    setup: Setup, *blocks: Subnet, driver: str = "bridge", options: dict[str, str] | None = None, name: str = GATEWAY
) -> Setup:
    """Give each host the bridge that engines make, or one like it."""
    subnets = blocks or (Subnet(subnet=BLOCK, gateway="172.18.0.1"),)
    spec = NetworkSpec(name=name, driver=driver, subnets=subnets, options=NAMED if options is None else options)
    bridge = Network(id="0123456789abcdef", spec=spec)
    hosts = tuple(one.model_copy(update={"networks": (bridge,)}) for one in setup.state.hosts)
    return replace(setup, state=setup.state.model_copy(update={"hosts": hosts}))


def inwards(host: str, device: str, **said: bool | str | int) -> Answers:
    way: JsonObject = {"ok": True, "device": device, "mtu": 1500, **said}
    return {(host, INWARDS.name): Answer({"targets": {BLOCK: way}})}


def refused(error: str, why: str) -> Answers:
    return {("w3", INWARDS.name): Answer({"targets": {BLOCK: {"ok": False, "why": why, "error": error}}})}


def others(host: str, *, ok: bool) -> Answers:
    """Return what a host's kernel says of the way to another host."""
    return {(host, WAYS.name): Answer({"targets": {"w1": {"ok": ok}}})}


def asked(setup: Setup) -> list[object]:
    questions = [one for one in Kernels().ask(setup, {}) if one.key == INWARDS.name and one.host == "w3"]
    return [one.task["targets"] for one in questions if isinstance(one, ObserverTask)]


def bad(setup: Setup, answers: Answers) -> list[Verdict]:
    return [one for one in Kernels().judge(setup, answers).verdicts if one.status is not Status.OK]


def test_the_host_is_named_with_the_device_and_what_shows_the_rule() -> None:
    (verdict,) = bad(bridged(cluster()), inwards("w3", "tun0") | inwards("w1", GATEWAY))
    assert (verdict.cause, verdict.status, verdict.subject) == ("bridge-route", Status.FAILED, "host w3")
    assert verdict.detail.startswith("packets to containers of w3 (172.18.0.0/16, docker_gwbridge) leave by tun0: ")
    assert verdict.evidence["hosts"] == ["w3"]
    assert verdict.evidence["commands"] == [
        "ip link set docker_gwbridge up",
        "ip route get 172.18.0.2",
        "ip route show to match 172.18.0.2",
        "ip rule show",
    ]
    assert verdict.fix is not None
    assert verdict.fix.startswith("run the first command on w3; if packets still leave by tun0, ")


def test_of_a_table_that_a_rule_leads_to_the_number_is_named_and_the_bridge_is_put_first() -> None:
    (verdict,) = bad(bridged(cluster()), inwards("w3", "tun0", table=220))
    assert "leave by tun0: a rule of policy routing has them looked up in table 220 first, " in verdict.detail
    assert verdict.evidence["commands"] == [
        "ip rule add pref 1 to 172.18.0.0/16 lookup main",
        "ip rule show",
        "ip route show table 220",
    ]
    assert ("rules", "w3", "nat") not in verdict.broken


def test_a_bridge_that_lost_its_address_is_named_with_the_command_that_gives_it_back() -> None:
    setup = bridged(cluster())
    kernels = {("w3", KERNEL.name): Answer(kernel("w3", devices={vtep("w3"): "eth0"}))}
    for away in (refused("ENETUNREACH", "Network is unreachable") | others("w3", ok=True), inwards("w3", "eth0")):
        (verdict,) = bad(setup, away | kernels)
        assert verdict.cause == "bridge-route"
        assert "docker_gwbridge has lost its address 172.18.0.1/16, and with it its route, so" in verdict.detail
        assert verdict.evidence["commands"][0] == "ip address add 172.18.0.1/16 dev docker_gwbridge"  # type: ignore[index]


@pytest.mark.parametrize(
    ("error", "why"),
    [("EINVAL", "Invalid argument"), ("EHOSTUNREACH", "No route to host"), ("EACCES", "Permission denied")],
    ids=["blackhole", "unreachable", "prohibit"],
)
def test_a_route_that_throws_packets_away_is_named(error: str, why: str) -> None:
    (verdict,) = bad(bridged(cluster()), refused(error, why) | others("w3", ok=True))
    assert verdict.cause == "bridge-route"
    assert f"are not sent ({why}): a route that throws them away " in verdict.detail
    assert ("rules", "w3", "nat") in verdict.broken
    assert verdict.evidence["commands"] == [
        "ip rule add pref 1 to 172.18.0.0/16 lookup main",
        "ip route get 172.18.0.2",
        "ip rule show",
    ]


def test_a_bridge_that_is_down_is_named_and_explains_rules_that_engines_did_not_add() -> None:
    (verdict,) = bad(bridged(cluster()), refused("ENETUNREACH", "Network is unreachable") | others("w3", ok=True))
    assert "are not sent (Network is unreachable): docker_gwbridge is down or has lost its route, " in verdict.detail
    assert verdict.evidence["commands"][0] == "ip link set docker_gwbridge up"  # type: ignore[index]
    assert ("rules", "w3", "nat") in verdict.broken


@pytest.mark.parametrize(
    "answers",
    [
        {},
        inwards("w3", GATEWAY),
        inwards("w3", "lo"),
        inwards("w3", "tun0", ok=False, why="Network is unreachable"),
        {("w3", INWARDS.name): Answer({"targets": {BLOCK: {"ok": True}}})},
        {("w3", INWARDS.name): Answer({}, problem="timed out")},
        refused("EINVAL", "Invalid argument"),
        refused("EINVAL", "Invalid argument") | others("w3", ok=False),
        refused("EINVAL", "Invalid argument") | others("w1", ok=True),
        refused("EPERM", "Operation not permitted") | others("w3", ok=True),
    ],
)
def test_a_way_to_the_bridge_and_one_that_is_not_known_prove_nothing(answers: Answers) -> None:
    assert bad(bridged(cluster()), answers) == []


def test_a_bridge_without_a_name_of_its_own_is_known_by_its_id() -> None:
    assert bad(bridged(cluster(), options={}), inwards("w3", "br-0123456789ab")) == []


def test_each_host_is_asked_for_an_address_of_its_bridge_that_is_not_the_hosts_own() -> None:
    assert asked(bridged(cluster())) == [{BLOCK: "172.18.0.2"}]
    odd = Subnet(subnet=BLOCK, gateway="172.18.0.2")
    assert asked(bridged(cluster(), odd)) == [{BLOCK: "172.18.0.3"}]


@pytest.mark.parametrize(
    "setup",
    [
        cluster(),
        bridged(cluster(), name="mine"),
        bridged(cluster(), driver="macvlan"),
        bridged(cluster(), Subnet(subnet="fd00:18::/64")),
        bridged(cluster(), Subnet(subnet="192.0.2.0/24")),
        bridged(cluster(), Subnet(subnet="172.18.0.0/31")),
        replace(bridged(cluster()), planned=Planned(frozenset(), {}, {})),
    ],
    ids=["no bridge", "another's", "another driver", "IPv6", "hosts are in it", "too small", "before a swarm"],
)
def test_hosts_where_it_would_prove_nothing_are_not_asked(setup: Setup) -> None:
    assert asked(setup) == []


def test_ports_and_names_that_are_lost_there_follow_from_it() -> None:
    setup = replace(bridged(cluster()), mesh=MeshService("probe", {}, {"w3": 32768}, {"n3": "w3"}))
    shut: JsonObject = {"ok": False, "seen": {}, "tries": 3, "why": "no answer"}
    lost: Answers = {(side, KNOCKED.name): Answer({"targets": {"w3": shut}}) for side in ("w1", "w2", OPERATOR)}
    for host, code in (("w1", "no such name"), ("w2", "no such name"), ("w3", "no answer")):
        lost[host, OUTSIDE.name] = Answer({"targets": {"outside": {"code": code, "ms": 1.0}}})
    answers = lost | inwards("w3", "tun0")
    found = traced(v for one in (Kernels(), HostPort(), UpstreamDns()) for v in one.judge(setup, answers).verdicts)
    assert [(one.scenario, [root.cause for root in one.because_of]) for one in found] == [
        ("kernels", []),
        ("host-port", ["bridge-route"]),
        ("dns-upstream", ["bridge-route"]),
    ]
