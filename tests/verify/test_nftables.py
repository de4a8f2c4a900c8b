"""Rules of nftables, as ``nft -j list ruleset`` (1.0.6) printed them: walked like iptables', named by handle."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify import iptables
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import SAVE
from swarmnet.verify.nftables import parse
from swarmnet.verify.packet_filter import Fate, Filter, Packet
from swarmnet.verify.scenario import Answer, Answers
from swarmnet.verify.scenarios.hosts.back_ends import NATIVE
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall
from swarmnet.verify.tracing.rules import stopped
from tests.verify.scenarios.test_back_ends import FINE
from tests.verify.scenarios.test_host_firewall import cluster

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict

PRINTED = Path(__file__).with_name("scenarios").joinpath("nft.json").read_text(encoding="utf-8")
FOLDER = Path(__file__).with_name("scenarios")
PACKET = Packet("tcp", "10.0.0.3", "10.0.0.4", 22, 50000, came_by="eth0", leaves_by="")


def without(*words: str) -> str:
    """Return the rules less those that hold a word."""
    return "\n".join(line for line in PRINTED.splitlines() if not any(word in line for word in words))


def fate(hook: str, packet: Packet, *left_out: str) -> tuple[Fate, int]:
    (one,) = [one for one in parse(without(*left_out), frozenset()) if hook in one.rules.policies]
    found, rule = Filter(one.rules).fate(hook, packet)
    return found, rule.handle if rule else 0


@pytest.mark.parametrize(
    ("hook", "packet", "expected"),
    [
        ("INPUT", PACKET, (Fate.ACCEPTED, 14)),
        ("INPUT", replace(PACKET, source="10.1.0.3", came_by="lo"), (Fate.ACCEPTED, 7)),
        ("INPUT", replace(PACKET, source="10.1.0.3", came_by="docker0"), (Fate.ACCEPTED, 8)),
        ("INPUT", replace(PACKET, source="10.1.0.3"), (Fate.UNKNOWN, 0)),
        ("INPUT", replace(PACKET, port=81, state="ESTABLISHED"), (Fate.ACCEPTED, 10)),
        ("INPUT", replace(PACKET, state="INVALID"), (Fate.DROPPED, 10)),
        ("INPUT", replace(PACKET, protocol="udp", port=7946), (Fate.ACCEPTED, 15)),
        ("INPUT", replace(PACKET, protocol="esp", port=None), (Fate.ACCEPTED, 16)),
        ("INPUT", replace(PACKET, protocol="udp", port=4789, decrypted=True), (Fate.ACCEPTED, 17)),
        ("INPUT", replace(PACKET, protocol="udp", port=4789), (Fate.DROPPED, 22)),
        ("FORWARD", replace(PACKET, port=8080, leaves_by="docker_gwbridge"), (Fate.DROPPED, 23)),
        ("FORWARD", replace(PACKET, port=8080, leaves_by="eth1"), (Fate.ACCEPTED, 0)),
        ("PREROUTING", replace(PACKET, protocol="udp", port=4789, from_port=40000), (Fate.DROPPED, 6)),
        ("PREROUTING", replace(PACKET, protocol="udp", port=4789, from_port=50000), (Fate.ACCEPTED, 0)),
    ],
)
def test_a_packet_ends_as_the_kernel_would_end_it(hook: str, packet: Packet, expected: tuple[Fate, int]) -> None:
    assert fate(hook, packet, "@good") == expected


def test_what_a_set_by_name_or_a_limit_decides_is_not_known() -> None:
    assert fate("INPUT", replace(PACKET, protocol="udp", port=4789)) == (Fate.UNKNOWN, 0)
    assert fate("INPUT", replace(PACKET, port=81), "@good", "limit") == (Fate.DROPPED, 21)
    assert fate("INPUT", replace(PACKET, port=81), "@good", "limit", "reject") == (Fate.DROPPED, 0)


def test_tables_that_iptables_writes_are_left_to_its_own_reader() -> None:
    assert [one.chain for one in parse(PRINTED, frozenset({"filter"}))] == ["early", "input", "forward"]
    assert parse(PRINTED.replace('"inet"', '"ip"'), frozenset({"filter"})) == ()
    assert parse(PRINTED.replace('"inet"', '"ip6"'), frozenset()) == ()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nftables": 1}', '{"nftables": [1, {}, {"rule": 1}]}', "[" * 99999])
def test_what_cannot_be_read_has_no_rules(text: str) -> None:
    assert parse(text, frozenset()) == ()


def answers(printed: str) -> Answers:
    found: Answers = {(host, SAVE.name): Answer({"exit": 0, "stdout": FINE}) for host in ("w1", "w2", "w3")}
    found["w3", NATIVE.name] = Answer({"exit": 0, "stdout": printed})
    return found


def test_a_rule_of_nftables_that_drops_vxlan_is_named_with_the_command_that_removes_it() -> None:
    verdicts = HostFirewall().judge(cluster(), answers(without("@good", "limit", "reject"))).verdicts
    named = {str(one.evidence["rule"]): one for one in verdicts}
    rule = named["rule 22 of chain later of nftables in table inet filter (! -s 10.0.0.5 -p udp --dport 4789 -j DROP)"]
    assert (rule.cause, rule.evidence["hosts"]) == (CauseId.FIREWALL_DROPS, ["w3"])
    assert rule.evidence["commands"] == ["nft delete rule inet filter later handle 22"]
    policy = named["the policy at the hook input is drop, of nftables in table inet filter"]
    assert policy.evidence["commands"] == []
    assert "tcp 7946" in policy.detail


def test_nftables_that_let_all_pass_are_fine() -> None:
    printed = json.dumps({"nftables": [{"table": {"family": "inet", "name": "x"}}]})
    (verdict,) = HostFirewall().judge(cluster(), answers(printed)).verdicts
    assert verdict.status is Status.OK


def test_a_trace_names_a_rule_of_nftables_that_does_not_pass_a_packet_on() -> None:
    packet = replace(PACKET, port=8080, leaves_by="docker_gwbridge")
    said = answers(PRINTED)
    said["w3", SAVE.name] = Answer({"exit": 0, "stdout": FINE.replace("FORWARD DROP", "FORWARD ACCEPT")})
    found = stopped(said, "w3", packet)
    assert found is not None
    assert found.cause == CauseId.FIREWALL_DROPS
    assert "rule 23 of chain forward of nftables" in found.words
    assert found.fix.endswith("nft delete rule inet filter forward handle 23")


@pytest.mark.parametrize(
    ("file", "packet", "expected"),
    [
        *(("ufw.txt", packet, Fate.ACCEPTED) for packet in (("udp", 4789), ("tcp", 2377), ("esp", None))),
        *(("ufw.txt", packet, Fate.DROPPED) for packet in (("udp", 7946), ("tcp", 7946), ("udp", 4790))),
        *(("firewalld.json", packet, Fate.ACCEPTED) for packet in (("tcp", 2377), ("esp", None), ("tcp", 22))),
        *(("firewalld.json", packet, Fate.DROPPED) for packet in (("udp", 4789), ("tcp", 7946))),
    ],
)
def test_firewalls_that_people_set_up_let_in_what_was_opened_and_nothing_else(
    file: str, packet: tuple[str, int | None], expected: Fate
) -> None:
    """Recorded of ufw 0.36.2 and firewalld 1.3.3 (Debian 12), after the commands that ``check`` prints for them."""
    text = FOLDER.joinpath(file).read_text(encoding="utf-8")
    tables = [iptables.parse(text)["filter"]] if file == "ufw.txt" else [one.rules for one in parse(text, frozenset())]
    found = replace(PACKET, protocol=packet[0], source="10.0.0.1", port=packet[1])
    fates = {Filter(one).fate("INPUT", found)[0] for one in tables if "INPUT" in one.policies}
    assert fates == {expected}


def test_ufw_opens_a_port_for_the_host_that_was_named_alone() -> None:
    table = iptables.parse(FOLDER.joinpath("ufw.txt").read_text(encoding="utf-8"))["filter"]
    packet = replace(PACKET, protocol="udp", source="10.0.0.2", port=4789)
    assert Filter(table).fate("INPUT", packet)[0] is Fate.DROPPED


def at_card(hook: str, *rules: str, policy: str = "accept", family: str = "netdev") -> str:
    chain = (
        f'{{"chain": {{"family": "{family}", "table": "t", "name": "c", "handle": 1, "dev": "eth0", "type": "filter",'
        f' "hook": "{hook}", "prio": 0, "policy": "{policy}"}}}}'
    )
    several = [
        f'{{"rule": {{"family": "{family}", "table": "t", "chain": "c", "handle": {number}, "expr": [{one}]}}}}'
        for number, one in enumerate(rules, 7)
    ]
    return f'{{"nftables": [{", ".join([chain, *several])}]}}'


PORT = '{"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 4789}}'
BY = '{{"match": {{"op": "{op}", "left": {{"meta": {{"key": "{key}"}}}}, "right": "{right}"}}}}'
DROP = '{"drop": null}'


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (at_card("ingress", f"{PORT}, {DROP}"), "drops udp 4789 from w1, w2: rule 7 of chain c of nftables in table"),
        (at_card("egress", f"{PORT}, {DROP}"), "drops udp 4789 to w1, w2: rule 7 of chain c of nftables in table"),
        (at_card("ingress", f"{PORT}, {DROP}", family="inet"), "drops udp 4789 from w1, w2"),
        (
            at_card("ingress", f"{PORT}, {DROP}", f"{BY.format(op='!=', key='protocol', right='ip')}, {DROP}"),
            "drops udp 4789 from w1, w2",
        ),
        (
            at_card("ingress", f"{BY.format(op='==', key='protocol', right='ip')}, {PORT}, {DROP}"),
            "drops udp 4789 from w1, w2",
        ),
        (at_card("ingress", policy="drop"), "the policy at the hook ingress is drop, of nftables in table netdev t"),
    ],
)
def test_what_a_chain_at_a_network_device_drops_is_named(printed: str, words: str) -> None:
    (verdict,) = [one for one in seen(printed) if one.status is Status.FAILED]
    assert words in verdict.detail


@pytest.mark.parametrize(
    "printed",
    [
        at_card("ingress", f"{PORT}, {DROP}").replace("eth0", "eth9"),
        at_card("ingress", f"{BY.format(op='==', key='protocol', right='ip6')}, {DROP}"),
        at_card("ingress", f"{BY.format(op='==', key='protocol', right='arp')}, {DROP}"),
        at_card("ingress", f"{BY.format(op='!=', key='protocol', right='ip')}, {DROP}"),
        at_card("prerouting", f"{BY.format(op='==', key='nfproto', right='ipv6')}, {DROP}", family="inet"),
    ],
)
def test_a_rule_for_another_device_or_version_of_ip_drops_nothing(printed: str) -> None:
    assert [one for one in seen(printed) if one.status is Status.FAILED] == []


def seen(printed: str) -> tuple[Verdict, ...]:
    answers: Answers = {("w3", SAVE.name): Answer({"exit": 0, "stdout": FINE})}
    answers["w3", NATIVE.name] = Answer({"exit": 0, "stdout": printed})
    return HostFirewall().judge(cluster(), answers).verdicts
