"""The rule that gives containers on overlays a host's address on their way out: it is there, or named as missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.network import GATEWAY, Network, NetworkSpec, Subnet
from swarmnet.model.report import Status
from swarmnet.verify import claims
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.keys import SAVE
from swarmnet.verify.scenario import Answer, Answers
from swarmnet.verify.scenarios.hosts.back_ends import NATIVE
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall
from swarmnet.verify.scenarios.names.upstream import OUTSIDE, UpstreamDns
from tests.verify.scenarios.test_host_firewall import DOCKER, cluster

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

FILTER = DOCKER.format(before="", user="")
MESH = "-A POSTROUTING -o docker_gwbridge -m addrtype --src-type LOCAL -j MASQUERADE\n"
OWN = "-A POSTROUTING -s 172.18.0.0/16 ! -o docker_gwbridge -j MASQUERADE\n"
DOCKER0 = "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n"
NATIVE_RULE = (
    '{"nftables": [{"chain": {"family": "inet", "table": "mine", "name": "post", "type": "nat", "hook": "postrouting",'
    ' "prio": 100, "policy": "accept"}}, {"rule": {"family": "inet", "table": "mine", "chain": "post", "handle": 3,'
    ' "expr": [{"masquerade": null}]}}]}'
)


def place(**options: str) -> Setup:
    spec = NetworkSpec(
        name=GATEWAY,
        driver="bridge",
        subnets=(Subnet(subnet="172.18.0.0/16"),),
        options={f"com.docker.network.bridge.{name}": value for name, value in options.items()},
    )
    base = cluster()
    hosts = tuple(one.model_copy(update={"networks": (Network(id="g", spec=spec),)}) for one in base.state.hosts)
    return replace(base, state=base.state.model_copy(update={"hosts": hosts}))


def judged(setup: Setup, nat: str, native: str = "", rules: str = FILTER) -> list[Verdict]:
    text = f"*nat\n:DOCKER - [0:0]\n{nat}COMMIT\n{rules}"
    answers: Answers = {("w3", SAVE.name): Answer({"exit": 0, "stdout": text})}
    answers["w3", NATIVE.name] = Answer({"exit": 0, "stdout": native})
    return [one for one in HostFirewall().judge(setup, answers).verdicts if one.status is Status.FAILED]


def test_a_host_that_lost_the_rule_is_named_with_the_command_that_adds_it() -> None:
    (verdict,) = judged(place(), MESH + DOCKER0)
    assert (verdict.cause, verdict.subject) == ("no-masquerade", "host w3")
    assert "reach nothing outside" in verdict.detail
    assert verdict.evidence["commands"] == [
        "iptables -t nat -A POSTROUTING -s 172.18.0.0/16 ! -o docker_gwbridge -j MASQUERADE"
    ]


@pytest.mark.parametrize(
    "nat",
    [
        MESH + OWN,
        "-A POSTROUTING -o eth0 -j MASQUERADE\n",
        "-A POSTROUTING -s 172.16.0.0/12 -j SNAT --to-source 192.0.2.3\n",
        "-A POSTROUTING -m set --match-set inside src -j MASQUERADE\n",
    ],
)
def test_a_rule_that_does_it_or_may_is_enough(nat: str) -> None:
    assert judged(place(), nat) == []


def test_a_bridge_that_is_routed_on_purpose_and_an_engine_that_writes_no_rules_need_none() -> None:
    assert judged(place(enable_ip_masquerade="false"), MESH) == []
    assert judged(place(gateway_mode_ipv4="routed"), MESH) == []
    assert judged(place(), "", rules="*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n") == []
    assert judged(place(), MESH, native=NATIVE_RULE) == []


def test_names_outside_that_are_not_answered_follow_from_it_and_it_follows_from_a_flushed_table() -> None:
    (verdict,) = judged(place(), MESH)
    lost: Answers = {
        (host, OUTSIDE.name): Answer({"targets": {"outside": {"code": code, "ms": 1.0}}})
        for host, code in (("w1", "no such name"), ("w2", "no such name"), ("w3", "no answer"))
    }
    found = traced([verdict, *UpstreamDns().judge(place(), lost).verdicts])
    assert [(one.scenario, [root.cause for root in one.because_of]) for one in found] == [
        ("firewall", []),
        ("dns-upstream", ["no-masquerade"]),
    ]
    assert verdict.needed == (frozenset({claims.rules("w3", "nat")}),)
