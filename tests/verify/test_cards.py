"""Filters, queues and programs at network devices: walked where their match is known, else named next to a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.causes.at_cards import suspected
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import KERNEL
from swarmnet.verify.keys import SAVE
from swarmnet.verify.scenario import Answer, Answers
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall
from tests.verify.scenarios.test_host_firewall import DOCKER, cluster

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue

VXLAN: JsonObject = {"keys": [[8, 0x00FF0000, 0x00110000], [20, 0xFFFF, 4789]]}
"""``match ip protocol 17 0xff match ip dport 4789 0xffff``."""
DROP: JsonObject = {"kind": "gact", "verdict": 2}
PASS: JsonObject = {"kind": "gact", "verdict": 0}
NEXT: JsonObject = {"kind": "gact", "verdict": -1}


def tc(*actions: JsonObject, **what: Any) -> JsonObject:  # noqa: ANN401 - what the probe says of it
    found: JsonObject = {"way": "in", "kind": "u32", "protocol": 0x0800, "priority": 49152, "actions": [*actions]}
    return found | what


def card(*filters: JsonObject, **more: Any) -> JsonObject:  # noqa: ANN401 - what the probe says of it
    found: JsonObject = {"device": "eth0", "above": [], "xdp": None, "queues": [], "filters": [*filters]}
    return found | more


def said(*cards: JsonObject) -> Answers:
    reported: JsonObject = {"forward": 1, "devices": {"192.0.2.3": "eth0"}, "cards": [*cards]}
    return {("w3", KERNEL.name): Answer(reported)}


def failed(*cards: JsonObject) -> list[Verdict]:
    return [one for one in HostFirewall().judge(cluster(), said(*cards)).verdicts if one.status is Status.FAILED]


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ([tc(DROP, **VXLAN)], "drops udp 4789 from w1, w2: a filter of tc at eth0, for what comes in (u32, preference"),
        ([tc(DROP, way="out", **VXLAN)], "drops udp 4789 to w1, w2: a filter of tc at eth0, for what goes out (u32"),
        ([tc(DROP, kind="flower", fields={"eth_type": 2048, "ip_proto": 17, "dport": 4789})], "drops udp 4789 from"),
        ([tc(DROP, kind="flower", fields={"src": 0xC0000201, "src_mask": 0xFFFFFFFF})], "from w1: a filter of tc"),
        ([tc(DROP, kind="matchall", protocol=3, all=True)], "drops udp 4789, udp 7946, tcp 7946, answers"),
        ([tc(DROP, keys=[[12, 0xFFFFFF00, 0xC0000200]])], "drops udp 4789, udp 7946"),
        ([tc(PASS, keys=[[8, 0x00FF0000, 0x00060000]]), tc(DROP, keys=[])], "drops udp 4789, udp 7946 from w1, w2"),
        ([tc(NEXT, **VXLAN), tc(DROP, **VXLAN)], "drops udp 4789 from w1, w2"),
        ([tc({"kind": "csum"}, DROP, **VXLAN)], "drops udp 4789 from w1, w2"),
    ],
)
def test_a_filter_that_certainly_drops_is_the_cause_with_its_device_and_command(
    filters: list[JsonObject], words: str
) -> None:
    (verdict,) = failed(card(*filters))
    assert verdict.cause == CauseId.DEVICE_DROPS
    assert words in verdict.detail
    way = "egress" if "goes out" in verdict.detail else "ingress"
    assert verdict.evidence["commands"] == [f"tc filter del dev eth0 {way} pref 49152"]
    assert "a network device of w3 drops" in verdict.detail


def test_what_a_filter_drops_is_proved_broken_in_its_direction() -> None:
    (verdict,) = failed(card(tc(DROP, **VXLAN)))
    assert claims.vxlan("w1", "w3") in verdict.broken
    assert claims.vxlan("w3", "w1") not in verdict.broken


def test_a_queue_that_loses_all_that_is_sent_is_the_cause() -> None:
    (verdict,) = failed(card(queues=[{"kind": "netem", "dropped": 9, "loss": 1.0}]))
    assert "the queue netem at eth0 loses all that is sent" in verdict.detail
    assert verdict.evidence["commands"] == ["tc qdisc del dev eth0 root"]


def test_a_filter_at_the_bridge_of_published_ports_drops_what_is_passed_on() -> None:
    seen = said(card(tc(DROP, kind="matchall", way="out", all=True), device="docker_gwbridge"))
    seen["w3", SAVE.name] = Answer({"exit": 0, "stdout": DOCKER.format(before="", user="")})
    (verdict,) = [one for one in HostFirewall().judge(cluster(), seen).verdicts if one.status is Status.FAILED]
    assert "drops tcp 30000 of the probe service forwarded for w1, w2" in verdict.detail
    assert claims.door("w1", "w3", "tcp") in verdict.broken


@pytest.mark.parametrize(
    "one",
    [
        card(tc(DROP, **VXLAN), device="eth7"),
        card(tc(DROP, protocol=0x0806, keys=[])),
        card(tc(DROP, keys=[[20, 0xFFFF, 53]])),
        card(tc(DROP, keys=[[40, 0xFF, 1]])),
        card(tc(PASS, **VXLAN), tc(DROP, kind="matchall", all=True, protocol=0x86DD)),
        card(tc({"kind": "police"}, **VXLAN)),
        card(tc(kind="bpf", name="lb.o")),
        card(tc({"kind": "gact", "verdict": None}, **VXLAN)),
        card(xdp=12),
        card(queues=[{"kind": "netem", "dropped": 9, "loss": 0.3}]),
    ],
)
def test_what_may_or_does_not_drop_is_not_a_cause(one: JsonObject) -> None:
    assert failed(one) == []


def test_devices_that_could_not_be_read_are_not_called_free_of_filters() -> None:
    seen: Answers = {("w3", KERNEL.name): Answer({"forward": 1, "unread": "No buffer space available"})}
    for host in ("w1", "w2", "w3"):
        seen[host, SAVE.name] = Answer({"exit": 0, "stdout": DOCKER.format(before="", user="")})
    (verdict,) = HostFirewall().judge(cluster(), seen).verdicts
    assert verdict.status is Status.SKIPPED
    assert "network devices of w3 could not be read: No buffer space available" in verdict.detail


def lost(cause: CauseId = CauseId.UNDERLAY, **evidence: JsonValue) -> Verdict:
    shown: JsonObject = evidence or {"pairs": [["w1", "w3"]]}
    return Verdict(
        scenario="matrix",
        subject="network front",
        status=Status.FAILED,
        detail="nothing that w1 sends reaches w3",
        cause=cause,
        fix="allow UDP 4789",
        evidence=shown,
    )


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (card(xdp=12), "an XDP program (id 12) at eth0 of w3"),
        (card(xdp=12, device="ens1", above=["eth0"]), "an XDP program (id 12) at ens1 of w3"),
        (card(tc(kind="bpf", name="lb.o")), "a filter of tc (bpf lb.o) at eth0 of w3"),
        (card(tc({"kind": "police"}, **VXLAN)), "a filter of tc (u32 with police) at eth0 of w3"),
        (card(tc(DROP, keys=[[40, 0xFF, 1]])), "a filter of tc (u32 with gact) at eth0 of w3"),
    ],
)
def test_what_may_drop_is_named_where_packets_get_lost_with_what_takes_it_away(one: JsonObject, words: str) -> None:
    (found,) = suspected(cluster(), said(one), [lost()])
    assert found.detail == f"nothing that w1 sends reaches w3; seen, and may be the reason: {words}"
    assert str(found.fix).startswith("try without what was seen at the card (on w3: ")
    assert str(found.fix).endswith("; else allow UDP 4789")


def test_a_queue_is_named_for_what_its_host_sends_and_not_for_what_it_gets() -> None:
    queue = card(queues=[{"kind": "netem", "dropped": 9, "loss": 0.3}])
    (got,) = suspected(cluster(), said(queue), [lost()])
    (sent,) = suspected(cluster(), said(queue), [lost(CauseId.LOSS, pairs=[["w3", "w1"]])])
    assert "seen" not in got.detail
    assert "the queue netem that loses 30% of what is sent (9 packets so far) at eth0 of w3" in sent.detail


def test_what_is_seen_is_not_named_where_nothing_got_lost_or_a_cause_is_known() -> None:
    seen = said(card(xdp=12))
    fine = Verdict(scenario="udp", subject="front", status=Status.OK, detail="all pass")
    clock = lost(CauseId.CLOCK, hosts=["w3"])
    elsewhere = lost(pairs=[["w1", "w2"]])
    assert suspected(cluster(), seen, [fine, clock, elsewhere]) == (fine, clock, elsewhere)
