"""A host that throws away what it sends from its own address is named, with the rule's target; no other host is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.keys import WAYS
from swarmnet.verify.scenario import Answer, Answers, ObserverTask
from swarmnet.verify.scenarios.hosts.bridge_way import INWARDS
from swarmnet.verify.scenarios.hosts.kernels import Kernels
from swarmnet.verify.scenarios.hosts.own_source import FROM_OWN
from swarmnet.verify.scenarios.hosts.ports import Ports
from tests.support.encrypted_captures import vtep
from tests.support.small_swarm import bad, observed, roots, swarm
from tests.verify.scenarios.test_bridge_way import BLOCK, bridged
from tests.verify.scenarios.test_ports import opened

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

FINE: JsonObject = {"ok": True, "device": "eth0", "local": vtep("w3"), "mtu": 1500}
REFUSED: JsonObject = {"ok": False, "error": "EINVAL", "why": "Invalid argument"}
AROUND = [("w3", "w1"), ("w1", "w3")]


def seen(from_own: dict[str, JsonObject], lost: list[tuple[str, str]] | None = None) -> Answers:
    """Return what a healthy swarm says, but for what w3 says of packets from its own address."""
    setup = swarm()
    found = observed(setup) | opened(((*one, 7946) for one in lost or ()), lost or ())
    found["w3", WAYS.name] = Answer({"targets": {"w1": {**FINE}, "w2": {**FINE}}})
    found["w3", INWARDS.name] = Answer({"targets": {BLOCK: {"ok": True, "device": "docker_gwbridge", "mtu": 1500}}})
    return found | {("w3", FROM_OWN.name): Answer({"targets": {**from_own}})}


def test_a_host_that_does_not_reach_its_own_published_ports_is_named_with_the_rule_that_puts_it_right() -> None:
    (verdict,) = bad(bridged(swarm()), [Kernels()], seen({"w1": FINE, BLOCK: REFUSED}))
    assert (verdict.cause, verdict.subject) == ("source-route", "host w3")
    assert verdict.detail.startswith(
        f"w3 throws away what it sends from its own address {vtep('w3')} to its containers"
    )
    assert verdict.detail.endswith("so it does not reach its own published ports")
    assert verdict.evidence["commands"] == [
        f"ip rule add pref 1 from {vtep('w3')} to {BLOCK} lookup main",
        "ip rule show",
    ]
    assert ("door", "w3", "w3", "tcp") in verdict.broken
    assert ("sends", "w3", "w3") in verdict.broken


def test_connections_that_it_cuts_between_two_hosts_follow_from_it() -> None:
    found = bad(bridged(swarm()), [Kernels(), Ports()], seen({"w1": REFUSED, "w2": FINE}, AROUND))
    assert (found[0].cause, roots(found)) == ("source-route", ["source-route"])
    assert f"to w1 ({vtep('w1')})" in found[0].detail
    # Seen on 20.10: what is encrypted is lost, one way, and what is plain passes.
    assert ("esp", "w3", "w1") in found[0].broken
    assert not {("esp", "w1", "w3"), ("vxlan", "w3", "w1")} & found[0].broken
    assert {str(one.cause) for one in found} >= {"source-route", "address-unreached"}


@pytest.mark.parametrize(
    "from_own",
    [
        {},
        {"w1": FINE, "w2": FINE},
        {"w1": FINE | {"device": "tun0", "table": 100}},
        {"w1": {"ok": False, "error": "EPERM", "why": "Operation not permitted"}},
        {"w9": REFUSED},
    ],
)
def test_what_a_kernel_sends_or_does_not_say_proves_nothing(from_own: dict[str, JsonObject]) -> None:
    assert bad(bridged(swarm()), [Kernels()], seen(from_own)) == []


def test_an_address_that_the_host_does_not_have_is_refused_by_every_kernel() -> None:
    said = seen({"w1": REFUSED, "w2": REFUSED})
    said |= observed(swarm(), w3={"devices": {"198.51.100.3": "eth0"}, "macs": {"198.51.100.3": ""}})
    said["w3", FROM_OWN.name] = seen({"w1": REFUSED})["w3", FROM_OWN.name]
    assert [one for one in bad(swarm(), [Kernels()], said) if one.cause == "source-route"] == []


def test_a_peer_that_is_not_reached_without_the_address_either_is_left_to_other_causes() -> None:
    said = seen({"w1": REFUSED})
    said["w3", WAYS.name] = Answer({"targets": {"w1": {"ok": False, "error": "ENETUNREACH", "why": "x"}}})
    assert [one for one in bad(swarm(), [Kernels()], said) if one.cause == "source-route"] == []


def test_each_host_is_asked_from_its_own_address_for_its_peers_and_its_bridge() -> None:
    (question,) = [one for one in Kernels().ask(bridged(swarm()), {}) if (one.host, one.key) == ("w3", FROM_OWN.name)]
    assert isinstance(question, ObserverTask)
    assert question.task == {
        "kind": "ways",
        "from_address": vtep("w3"),
        "targets": {"w1": vtep("w1"), "w2": vtep("w2"), BLOCK: "172.18.0.2"},
    }


def test_a_healthy_swarm_has_no_such_verdict() -> None:
    (verdict,) = Kernels().judge(bridged(swarm()), seen({"w1": FINE, "w2": FINE, BLOCK: FINE})).verdicts
    assert verdict.status is Status.OK
