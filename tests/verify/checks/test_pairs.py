"""What does not arrive between hosts is one cause each, with the direction, the place and what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.checks.asked import FILES, UNITS
from swarmnet.verify.checks.doors import ENDED, WATCH
from swarmnet.verify.checks.pairs import Pairs
from swarmnet.verify.checks.settings import KernelSettings
from swarmnet.verify.checks.story import judged
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import KERNEL
from swarmnet.verify.scenario import Answer, ObserverTask
from tests.support.checked import HOSTS, hosts_setup, packets

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Answers, Setup
    from tests.support.checked import Lost


SIX = {host: f"fd00:db8::{number}" for number, host in enumerate(HOSTS, 1)}


def bad(lost: Lost, **how: object) -> list[Verdict]:
    setup = hosts_setup(**how)  # type: ignore[arg-type]
    verdicts, _ = judged(setup, (Pairs(),), packets(setup, lost))
    return [one for one in verdicts if one.status is not Status.OK]


def all_of(source: str, target: str, end: str) -> Lost:
    kinds = ("syn/7946", "udp/7946", "udp/4789", "esp", "synack/2377", "synack/7946")
    return {(source, target, kind): end for kind in kinds}


def test_hosts_that_hear_each_other_are_one_ok_and_a_whole_matrix() -> None:
    setup = hosts_setup()
    verdicts, (matrix,) = judged(setup, (Pairs(),), packets(setup, {}))

    assert [one.status for one in verdicts] == [Status.OK]
    assert matrix.counts() == {Status.OK: 6}


@pytest.mark.parametrize(
    ("kind", "cause", "status"),
    [
        ("udp/4789", CauseId.UNDERLAY, Status.FAILED),
        ("udp/7946", CauseId.GOSSIP_UDP, Status.FAILED),
        ("syn/7946", CauseId.GOSSIP_TCP, Status.FAILED),
        ("esp", CauseId.ESP_BLOCKED, Status.WARNING),
    ],
)
def test_one_port_closed_in_one_direction_is_named_with_both_hosts(kind: str, cause: str, status: Status) -> None:
    (found,) = bad({("w1", "w2", kind): "between"})

    assert (found.cause, found.status, found.subject) == (cause, status, "w1 -> w2")
    assert found.evidence["stage"] == "between"
    assert "the way back is open" in found.detail


def test_a_playbook_with_encrypted_overlays_needs_esp() -> None:
    (found,) = bad({("w1", "w2", "esp"): "between"}, encrypted=True)

    assert found.status is Status.FAILED


def test_a_manager_port_that_is_closed_for_all_is_the_managers() -> None:
    (found,) = bad({("w1", "m1", "syn/2377"): "in", ("w2", "m1", "syn/2377"): "in"})

    assert (found.cause, found.evidence["hosts"], found.evidence["stage"]) == (CauseId.ORDERS_BLOCKED, ["m1"], "in")
    assert found.evidence["commands"] == [
        "iptables -I INPUT -s 192.0.2.11 -p tcp --dport 2377 -j ACCEPT",
        "iptables -I INPUT -s 192.0.2.12 -p tcp --dport 2377 -j ACCEPT",
    ]


def test_everything_lost_in_one_direction_is_one_cause_answers_included() -> None:
    (found,) = bad(all_of("m1", "w1", "between"))

    assert (found.cause, found.subject) == (CauseId.SWARM_PORTS, "m1 -> w1")
    assert found.evidence["ports"] == ["tcp 7946", "udp 7946", "udp 4789", "esp", "tcp 2377"]


def test_answers_that_do_not_come_back_condemn_the_way_back() -> None:
    (found,) = bad({("m1", "w1", "synack/2377"): "between"})

    assert (found.subject, found.evidence["ports"]) == ("m1 -> w1", ["tcp 2377"])
    assert found.detail.startswith("answers of tcp 2377 from m1 to w1")


def test_a_full_table_of_connections_is_why_a_host_drops_what_comes_to_its_card() -> None:
    setup = hosts_setup()
    lost = {pair: end for peer in ("m1", "w1") for pair, end in (all_of(peer, "w2", "in")).items()}
    table: JsonObject = {"forward": 1, "connections": {"count": 4090, "most": 4096}}
    answers = {**packets(setup, lost), ("w2", KERNEL.name): Answer(table)}
    verdicts, _ = judged(setup, (KernelSettings(), Pairs()), answers)

    roots = [one for one in verdicts if one.status is Status.FAILED and not one.because_of]
    assert [(one.cause, one.subject) for one in roots] == [(CauseId.CONNECTIONS_FULL, "host w2")]
    assert any(one.scenario == "pairs" and one.because_of for one in verdicts)


def test_what_is_lost_behind_the_card_is_said_of_the_host_and_of_no_rule_that_was_not_found() -> None:
    (found,) = bad({(one, "w2", "udp/4789"): "in" for one in ("m1", "w1")})

    assert (found.subject, found.evidence["stage"]) == ("host w2", "in")
    assert found.detail.endswith("w2 drops it itself (it comes to the host's card, and to no program)")
    assert "by its own firewall" not in found.detail


def test_what_does_not_leave_a_host_is_that_hosts() -> None:
    (found,) = bad({("w1", one, "udp/4789"): "out" for one in ("m1", "w2")})

    assert (found.subject, found.evidence["stage"]) == ("host w1", "out")
    assert "iptables -I OUTPUT -d 192.0.2.10 -p udp --dport 4789 -j ACCEPT" in str(found.evidence["commands"])


@pytest.mark.parametrize(
    ("ufw", "units", "command"),
    [
        ("ENABLED=yes", "inactive\ninactive\n", "ufw allow in proto udp from 192.0.2.11 to any port 4789"),
        ("ENABLED=no", "active\ninactive\n", "firewall-cmd --permanent --add-port=4789/udp"),
        ("", "inactive\nactive\n", "nft insert rule inet filter input ip saddr 192.0.2.11 udp dport 4789 accept"),
    ],
)
def test_commands_are_those_of_the_hosts_own_firewall(ufw: str, units: str, command: str) -> None:
    setup = hosts_setup()
    seen = packets(setup, {("w1", "w2", "udp/4789"): "in"})
    seen["w2", FILES.name] = Answer({"exit": 2, "stdout": f"/etc/ufw/ufw.conf:{ufw}\n" if ufw else "", "stderr": ""})
    seen["w2", UNITS.name] = Answer({"exit": 3, "stdout": units, "stderr": ""})

    (found,) = Pairs().judge(setup, seen).verdicts

    assert command in str(found.evidence["commands"])


def test_pairs_that_could_not_be_asked_are_inconclusive() -> None:
    setup = hosts_setup()
    seen = packets(setup, {})
    for key in [key for key in seen if key[0] == "w2"]:
        seen[key] = Answer(problem="the connection broke")

    verdicts, (matrix,) = judged(setup, (Pairs(),), seen)

    assert [one.status for one in verdicts] == [Status.INCONCLUSIVE]
    assert matrix.counts() == {Status.OK: 2, Status.INCONCLUSIVE: 4}


def test_a_host_that_others_see_under_another_address_is_named() -> None:
    setup = hosts_setup()
    seen = packets(setup, {})
    seen["m1", ENDED.name].value["senders"] = {"w1": "203.0.113.9", "w2": "192.0.2.12"}
    seen["w2", ENDED.name].value["senders"] = {"w2": "192.0.2.11"}  # an address of its own is that of a peer

    (found,) = Pairs().judge(setup, seen).verdicts

    assert (found.cause, found.evidence["hosts"]) == (CauseId.OTHER_SENDER, ["w1"])


def test_an_address_of_the_other_version_of_ip_is_not_reported_as_strange() -> None:
    setup = hosts_setup(addresses=SIX, data_paths=SIX)
    seen = packets(setup, {})
    seen["m1", ENDED.name].value["senders"] = {"w1": "192.0.2.11", "w2": "fd00:db8::99"}

    (found,) = Pairs().judge(setup, seen).verdicts

    assert (found.cause, found.evidence["hosts"]) == (CauseId.OTHER_SENDER, ["w2"])


def test_one_host_has_nothing_between() -> None:
    setup = hosts_setup(hosts_setup().state.hosts[0])

    (found,) = Pairs().judge(setup, {}).verdicts

    assert found.status is Status.SKIPPED
    assert HOSTS[0] not in found.detail


def test_hosts_that_are_known_by_ipv6_are_tried_by_ipv6_in_all_the_same_ways() -> None:
    setup = hosts_setup(addresses=SIX, data_paths=SIX)

    tasks = [one.task for one in Pairs().ask(setup, watching(setup)) if isinstance(one, ObserverTask)]
    verdicts, (matrix,) = judged(setup, (Pairs(),), packets(setup, {}))

    assert all(address in str(tasks) for address in SIX.values())
    assert "192.0.2." not in str(tasks)
    assert [one.status for one in verdicts] == [Status.OK]
    assert matrix.counts() == {Status.OK: 6}


def watching(setup: Setup) -> Answers:
    return {(host, WATCH.name): Answer({"ready": True}) for host in setup.watched}


@pytest.mark.parametrize(
    ("units", "kind", "command"),
    [
        ("inactive\ninactive\n", "syn/7946", "ip6tables -I INPUT -s fd00:db8::2 -p tcp --dport 7946 -j ACCEPT"),
        ("inactive\ninactive\n", "esp", "ip6tables -I INPUT -s fd00:db8::2 -p esp -j ACCEPT"),
        ("inactive\ninactive\n", "synack/7946", "ip6tables -I INPUT -m conntrack --ctstate ESTABLISHED"),
        (
            "inactive\nactive\n",
            "esp",
            "nft insert rule inet filter input ip6 saddr fd00:db8::2 meta l4proto esp accept",
        ),
    ],
)
def test_commands_for_peers_that_are_known_by_ipv6_are_those_of_its_firewall(
    units: str, kind: str, command: str
) -> None:
    setup = hosts_setup(addresses=SIX, data_paths=SIX)
    seen = packets(setup, {("w1", "w2", kind): "in"})
    seen["w2", UNITS.name] = Answer({"exit": 3, "stdout": units, "stderr": ""})

    (found,) = Pairs().judge(setup, seen).verdicts

    assert command in str(found.evidence["commands"])
