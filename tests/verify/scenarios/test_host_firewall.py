"""Firewalls of the hosts themselves: packets walked through real rules, and what is dropped named with its rule."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.hosts import Role
from swarmnet.model.report import Status
from swarmnet.model.state import ClusterState, Route, SwarmMembership
from swarmnet.model.swarm import Node, NodeSpec
from swarmnet.verify import claims
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.causes.pairs import explain
from swarmnet.verify.iptables import parse
from swarmnet.verify.keys import SAVE, SAVE_6
from swarmnet.verify.packet_filter import Fate, Filter, Packet
from swarmnet.verify.scenario import Answer, Answers, MeshService, Observer
from swarmnet.verify.scenarios.control.nodes import NodesReady
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall
from swarmnet.verify.scenarios.pairs.matrix import TcpMatrix, UdpMatrix
from tests.support.setups import answers as said
from tests.support.setups import facts, make_setup

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

UFW = """\
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-user-input - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -j ufw-user-input
-A ufw-user-input -s 192.0.2.0/24 -p tcp -m multiport --dports 2377,7946 -j ACCEPT
-A ufw-user-input -s 192.0.2.0/24 -p udp -m multiport --dports 4789,7946 -j ACCEPT
COMMIT
"""
DOCKER = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-INGRESS - [0:0]
:DOCKER-USER - [0:0]
{before}-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-INGRESS
-A FORWARD -o docker_gwbridge -j DOCKER
-A FORWARD -i docker_gwbridge ! -o docker_gwbridge -j ACCEPT
-A FORWARD -i docker_gwbridge -o docker_gwbridge -j DROP
-A DOCKER-INGRESS -p tcp -m tcp --dport 30000 -j ACCEPT
-A DOCKER-INGRESS -p tcp -m state --state RELATED,ESTABLISHED -m tcp --sport 30000 -j ACCEPT
-A DOCKER-INGRESS -j RETURN
{user}-A DOCKER-USER -j RETURN
COMMIT
"""
"""As engine 26.1 writes it."""
PACKET = Packet("udp", "192.0.2.1", "192.0.2.2", port=4789, came_by="eth0", leaves_by="")


def table(*rules: str, policy: str = "ACCEPT") -> str:
    return f"*filter\n:INPUT {policy} [0:0]\n:mine - [0:0]\n" + "".join(f"{rule}\n" for rule in rules) + "COMMIT\n"


@pytest.mark.parametrize(
    ("rules", "fate"),
    [
        ((), Fate.ACCEPTED),
        (("-A INPUT -p udp -m udp --dport 4789 -j DROP",), Fate.DROPPED),
        (("-A INPUT -p udp -m udp --dport 4000:5000 -j REJECT --reject-with icmp-port-unreachable",), Fate.DROPPED),
        (("-A INPUT ! -i lo -j DROP",), Fate.DROPPED),
        (("-A INPUT ! -s 192.0.2.0/24 -p udp -j DROP",), Fate.ACCEPTED),
        (("-A INPUT -s 198.51.100.0/24 -j DROP",), Fate.ACCEPTED),
        (("-A INPUT -i lo -j DROP",), Fate.ACCEPTED),
        (("-A INPUT -m state --state ESTABLISHED -j DROP",), Fate.ACCEPTED),
        (("-A INPUT -j mine", "-A mine -s 192.0.2.1/32 -j RETURN", "-A mine -j DROP"), Fate.ACCEPTED),
        (("-A INPUT -j mine", "-A mine -p udp -j DROP"), Fate.DROPPED),
        (("-A INPUT -m set --match-set friends src -j ACCEPT", "-A INPUT -j DROP"), Fate.UNKNOWN),
        (("-A INPUT -m set --match-set foes src -j DROP",), Fate.ACCEPTED),
        (("-A INPUT -m statistic --mode random --probability 0.1 -j DROP",), Fate.ACCEPTED),
        (('-A INPUT -p udp -m comment --comment "no -j ACCEPT here" -j LOG', "-A INPUT -j DROP"), Fate.DROPPED),
        (
            ("-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 -m bpf --bytecode 7 -j DROP",),
            "accepted",
        ),
    ],
)
def test_a_packet_meets_the_rules_as_in_the_kernel_and_only_what_is_certain_is_said(
    rules: tuple[str, ...], fate: str
) -> None:
    seen = Filter(parse(table(*rules))["filter"])
    assert seen is not None
    assert seen.fate("INPUT", PACKET)[0] == fate


def test_a_policy_drops_what_no_rule_accepts_and_a_common_firewall_lets_the_swarm_pass() -> None:
    ufw = Filter(parse(UFW)["filter"])
    assert ufw is not None
    assert ufw.fate("INPUT", PACKET)[0] is Fate.ACCEPTED
    assert ufw.fate("INPUT", replace(PACKET, source="203.0.113.1"))[0] is Fate.DROPPED


def cluster() -> Setup:
    base = make_setup(networks=())
    hosts = tuple(
        facts(host, SwarmMembership(address=f"192.0.2.{host[1:]}")).model_copy(
            update={"routes": (Route(prefix="192.0.2.0/24", device="eth0"),)}
        )
        for host in ("w1", "w2", "w3")
    )
    observers = tuple(Observer(f"w{n}", f"192.0.2.{n}") for n in (1, 2, 3))
    mesh = MeshService("probe", {"tcp": 30000, "udp": 30000}, {}, {})
    return replace(base, state=ClusterState(hosts=hosts), observers=observers, mesh=mesh)


def with_roles(place: Setup, *, down: str) -> Setup:
    """Return the setup with w1 and w2 as managers, and one node down."""
    nodes = tuple(
        Node(
            id=f"n{n}",
            version=1,
            hostname=f"w{n}",
            spec=NodeSpec(role=Role.MANAGER if n < 3 else Role.WORKER),
            status="down" if f"w{n}" == down else "ready",
            address=f"192.0.2.{n}",
        )
        for n in (1, 2, 3)
    )
    hosts = tuple(
        one.model_copy(
            update={"engine": one.engine.model_copy(update={"membership": SwarmMembership(node_id=f"n{one.host[1:]}")})}
        )
        for one in place.state.hosts
    )
    return replace(place, state=place.state.model_copy(update={"nodes": nodes, "hosts": hosts}))


def judged(rules: dict[str, str]) -> tuple[Verdict, ...]:
    fine = DOCKER.format(before="", user="")
    answers = {(h, SAVE.name): Answer({"exit": 0, "stdout": rules.get(h, fine)}) for h in ("w1", "w2", "w3")}
    return HostFirewall().judge(cluster(), answers).verdicts


@pytest.mark.parametrize(
    ("last", "command"),
    [
        ("-A INPUT -j DROP", "iptables -I INPUT -p esp -j ACCEPT"),
        ("-A INPUT -p esp -j DROP", "iptables -D INPUT -p esp -j DROP"),
    ],
)
def test_the_rule_at_the_end_of_a_firewall_stays_and_esp_is_accepted_before_it(last: str, command: str) -> None:
    """Hardening that takes TCP, UDP and ICMP alone: to remove its last rule would open the host."""
    place = cluster()
    secret = tuple(
        net.model_copy(update={"spec": net.spec.model_copy(update={"encrypted": True})}) for net in place.networks
    )
    place = replace(place, networks=(*place.networks, *secret))
    accepted = "".join(f"-A INPUT -p {one} -j ACCEPT\n" for one in ("tcp", "udp", "icmp"))
    fine, hardened = DOCKER.format(before="", user=""), DOCKER.format(before=f"{accepted}{last}\n", user="")
    answers = {
        (h, SAVE.name): Answer({"exit": 0, "stdout": hardened if h == "w3" else fine}) for h in ("w1", "w2", "w3")
    }
    (verdict,) = HostFirewall().judge(place, answers).verdicts
    assert verdict.detail.startswith("the firewall of w3 drops esp from w1, w2")
    assert verdict.evidence["commands"] == [command]


def test_rules_of_engines_and_of_common_firewalls_are_fine() -> None:
    (verdict,) = judged({"w2": UFW})
    assert verdict.status is Status.OK


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("-A INPUT -p udp -m udp --dport 7946 -j DROP", "drops udp 7946 from w1, w2"),
        ("-A INPUT -s 192.0.2.1/32 -p udp -m udp --dport 4789 -j DROP", "drops udp 4789 from w1"),
        ("-A OUTPUT -d 192.0.2.2/32 -p udp -m udp --dport 7946 -j DROP", "drops udp 7946 to w2"),
        (
            "-A INPUT -p udp -m udp --dport 4789 -m length --length 1400:65535 -j DROP",
            "drops full-size udp 4789 from w1",
        ),
        ("-A INPUT -p udp -m length --length 700:65535 -j DROP", "drops full-size udp 4789 from w1"),
        ("-A INPUT -m conntrack --ctstate ESTABLISHED -j DROP", "drops answers (ESTABLISHED) from w1, w2"),
        ("-A FORWARD -j DROP", "drops tcp 30000 of the probe service, answers of tcp 30000 forwarded for w1, w2"),
        ("-A FORWARD -m state --state ESTABLISHED -j DROP", "drops answers of tcp 30000 forwarded for w1, w2"),
        ("-A DOCKER-USER -p tcp -m tcp --dport 30000 -j DROP", "drops tcp 30000 of the probe service"),
    ],
)
def test_what_a_host_drops_is_named_with_the_rule_and_the_command_that_removes_it(rule: str, words: str) -> None:
    """F5, F6: gossip blocked one way, ESTABLISHED and FORWARD dropped: read where the rule is."""
    part = {"user": "" if "USER" not in rule else f"{rule}\n", "before": "" if "USER" in rule else f"{rule}\n"}
    (verdict,) = judged({"w3": DOCKER.format(**part)})
    assert (verdict.status, verdict.subject) == (Status.FAILED, "host w3")
    assert verdict.detail.startswith(f"the firewall of w3 {words}")
    assert verdict.evidence["commands"] == [f"iptables -D {rule[3:]}"]


def test_a_rule_that_drops_no_packet_as_large_as_those_of_the_swarm_is_fine() -> None:
    for rule in (
        "-A INPUT -p udp -m length --length 1501:65535 -j DROP",
        "-A INPUT -p udp -m length --length 0:27 -j DROP",
    ):
        (verdict,) = judged({"w3": DOCKER.format(user="", before=f"{rule}\n")})
        assert verdict.status is Status.OK


def test_what_is_too_large_for_a_rule_explains_what_stalls_on_that_way() -> None:
    rule = "-A INPUT -p udp -m udp --dport 4789 -m length --length 1400:65535 -j DROP"
    (verdict,) = judged({"w3": DOCKER.format(user="", before=f"{rule}\n")})
    assert verdict.broken == {claims.path("w1", "w3"), claims.path("w2", "w3")}


def judged_by_ipv6(rules: dict[str, str]) -> tuple[Verdict, ...]:
    """Return the verdicts of hosts that know each other by IPv6, and whose rules of IPv4 drop everything."""
    four = "*filter\n:INPUT DROP [0:0]\n:OUTPUT DROP [0:0]\nCOMMIT\n"
    observers = tuple(Observer(f"w{n}", f"fd00:db8::{n}") for n in (1, 2, 3))
    answers = {(host, SAVE.name): Answer({"exit": 0, "stdout": four}) for host in ("w1", "w2", "w3")}
    answers |= {(host, SAVE_6.name): Answer({"exit": 0, "stdout": text}) for host, text in rules.items()}
    return HostFirewall().judge(replace(cluster(), observers=observers), answers).verdicts


def test_between_hosts_that_know_each_other_by_ipv6_only_its_rules_count() -> None:
    rule = "-A INPUT -s fd00:db8::1/128 -p udp -m udp --dport 4789 -j DROP"
    fine = table()

    (ok,) = judged_by_ipv6({"w1": fine, "w2": "", "w3": fine})  # w2: no table is in use
    (bad,) = judged_by_ipv6({"w1": fine, "w2": table(rule), "w3": fine})
    (unread,) = judged_by_ipv6({"w1": fine, "w2": fine})

    assert (ok.status, "only those of ip6tables" in ok.detail) == (Status.OK, True)
    assert (bad.status, bad.subject) == (Status.FAILED, "host w2")
    assert bad.detail.startswith("the firewall of w2 drops udp 4789 from w1")
    assert bad.evidence["commands"] == [f"ip6tables -D {rule[3:]}"]
    assert (unread.status, "w3 could not be read" in unread.detail) == (Status.SKIPPED, True)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("*raw\n-A PREROUTING -p udp -m udp --dport 4789 -j DROP\nCOMMIT\n", "drops udp 4789 from w1, w2"),
        ("*mangle\n-A INPUT -p udp -m udp --dport 7946 -j DROP\nCOMMIT\n", "drops udp 7946 from w1, w2"),
        ("*mangle\n-A OUTPUT -d 192.0.2.1/32 -p tcp -m tcp --dport 7946 -j DROP\nCOMMIT\n", "drops tcp 7946 to w1"),
    ],
)
def test_f5_rules_of_other_tables_are_named_with_their_table(rules: str, words: str) -> None:
    (verdict,) = judged({"w3": rules + DOCKER.format(before="", user="")})

    table, rule = rules.splitlines()[:2]
    assert verdict.detail.startswith(f"the firewall of w3 {words}: -t {table[1:]} -A ")
    assert verdict.evidence["commands"] == [f"iptables -t {table[1:]} -D {rule[3:]}"]


def test_f5_rules_by_the_state_of_a_connection_meet_nothing_before_it_is_looked_for() -> None:
    rules = "*raw\n-A PREROUTING -m conntrack --ctstate NEW,ESTABLISHED -j DROP\nCOMMIT\n"
    (verdict,) = judged({"w3": rules + DOCKER.format(before="", user="")})
    assert verdict.status is Status.OK


def test_f5_what_a_host_may_not_send_to_the_managers_or_answer_is_named() -> None:
    place = with_roles(cluster(), down="w3")
    found = {}
    for rule in ("-p tcp -m tcp --dport 2377", "-m conntrack --ctstate RELATED,ESTABLISHED"):
        rules = f"*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT {rule} -j DROP\nCOMMIT\n"
        answers: Answers = {("w3", SAVE.name): Answer({"exit": 0, "stdout": rules})}
        (verdict,) = HostFirewall().judge(place, answers).verdicts
        found[rule] = verdict.detail.partition(": ")[0]
    assert list(found.values()) == [
        "the firewall of w3 drops tcp 2377 to w1, w2",
        "the firewall of w3 drops answers (ESTABLISHED) to w1, w2",
    ]


def test_a_rule_that_the_engine_lacks_is_not_reported_as_one_that_drops() -> None:
    bare = DOCKER.format(before="", user="").replace("--dport 30000", "--dport 9").replace("--sport 30000", "--sport 9")
    (verdict,) = judged({"w3": bare})
    assert verdict.status is Status.OK


def test_what_a_rule_blocks_follows_from_it() -> None:
    """F6: allow UDP 4789 is not advice where the host's own rule is known."""
    place = cluster()
    lost = [("w1", "w3"), ("w2", "w3")]
    answers: Answers = said(place, lost) | {
        ("w3", SAVE.name): Answer({"exit": 0, "stdout": table("-A INPUT -p udp -m udp --dport 4789 -j DROP")})
    }
    findings = [one.judge(place, answers) for one in (HostFirewall(), UdpMatrix(), TcpMatrix())]
    matrices = [matrix for one in findings for matrix in one.matrices]
    found = traced([*(v for one in findings for v in one.verdicts), *explain(place, answers, matrices)])
    bad = {one.scenario: bool(one.because_of) for one in found if one.status is Status.FAILED}
    assert bad == {"firewall": False, "matrix": True}


def test_a_node_that_is_down_for_a_rule_of_its_own_follows_from_it() -> None:
    """F6: a host that drops the managers' answers is called down, and bringing its engine back fixes nothing."""
    place = with_roles(cluster(), down="w3")
    rules = table("-A INPUT -s 192.0.2.0/24 -m state --state ESTABLISHED -j DROP")
    answers: Answers = {("w3", SAVE.name): Answer({"exit": 0, "stdout": rules})}
    found = traced([*HostFirewall().judge(place, answers).verdicts, *NodesReady().judge(place, answers).verdicts])
    assert [(one.scenario, bool(one.because_of)) for one in found] == [("firewall", False), ("nodes", True)]


def test_rules_that_cannot_be_read_are_left_out_with_the_reason() -> None:
    answers: Answers = {("w1", SAVE.name): Answer({"exit": 1, "stderr": "sudo: a password is required"})}
    (verdict,) = HostFirewall().judge(cluster(), answers).verdicts
    assert (verdict.status, "with sudo and without a password" in str(verdict.fix)) == (Status.SKIPPED, True)


def test_what_an_engine_calls_an_address_and_is_none_is_left_out() -> None:
    place = cluster()
    odd = tuple(replace(one, vtep="not an address") if one.host == "w3" else one for one in place.observers)
    rules = table("-A INPUT -p udp -m udp --dport 4789 -j DROP")
    answers: Answers = {(h, SAVE.name): Answer({"exit": 0, "stdout": rules}) for h in ("w1", "w2", "w3")}
    verdicts = HostFirewall().judge(replace(place, observers=odd), answers).verdicts
    assert {one.subject for one in verdicts} == {"host w1", "host w2"}
