"""The swarm's TCP ports between hosts, and addresses that no other host reaches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.scenario import Answer, Answers
from swarmnet.verify.scenarios.control.nodes import NodesReady
from swarmnet.verify.scenarios.hosts.identities import Identities
from swarmnet.verify.scenarios.hosts.kernels import Kernels
from swarmnet.verify.scenarios.hosts.ports import ECHOED, OPENED, Ports
from swarmnet.verify.scenarios.pairs.matrix import UdpMatrix
from tests.support.encrypted_captures import vtep
from tests.support.small_swarm import HOSTS, MANAGER, bad, observed, roots, swarm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject, JsonValue

TO_W3 = [("w1", "w3"), ("w2", "w3")]
AROUND_W3 = [*TO_W3, ("w3", "w1"), ("w3", "w2")]


def opened(
    shut: Iterable[tuple[str, str, int]] = (), deaf: Iterable[tuple[str, str]] = (), *, word: str = "silent"
) -> Answers:
    """Return how the ports opened: of the triples of source, target and port, with this word."""
    closed, silent, found = set(shut), set(deaf), Answers()
    for host in HOSTS:
        targets: JsonObject = {}
        for peer in HOSTS:
            for port in (2377, 7946) if peer == MANAGER else (7946,):
                if peer != host:
                    seen = word if (host, peer, port) in closed else "open"
                    targets[f"{peer}/{port}"] = {"seen": seen, "why": "", "tries": 1}
        echoes: dict[str, JsonValue] = {peer: {"ok": (host, peer) not in silent, "tries": 1} for peer in HOSTS}
        found[host, OPENED.name] = Answer({"targets": targets})
        found[host, ECHOED.name] = Answer({"targets": echoes})
    return found


def test_ports_that_open_are_one_ok() -> None:
    (verdict,) = Ports().judge(swarm(), opened()).verdicts
    assert (verdict.status, verdict.detail) == (
        Status.OK,
        "2377 of the managers and 7946 of all hosts open between 3 hosts",
    )


def test_a_worker_that_does_not_reach_the_manager_is_why_its_node_is_down() -> None:
    """F04."""
    setup = swarm(w3="down")
    found = bad(setup, [NodesReady(), Ports()], observed(setup) | opened([("w3", "w1", 2377)]))
    assert [(one.cause, len(one.because_of)) for one in found] == [("orders-blocked", 0), ("node-down", 1)]
    assert found[0].detail.startswith("TCP 2377 does not open from w3 to w1: hosts that do not reach a manager")
    assert found[0].evidence["pairs"] == [["w3", "w1"]]


@pytest.mark.parametrize(
    ("shut", "way"), [([("w3", "w1")], "from w3 to w1"), (AROUND_W3, "to and from w3"), (TO_W3, "from all hosts to w3")]
)
def test_gossip_that_does_not_pass_by_tcp_is_named_with_its_way(shut: list[tuple[str, str]], way: str) -> None:
    """F02, F03."""
    setup = swarm()
    (verdict,) = bad(setup, [Ports()], observed(setup) | opened((*pair, 7946) for pair in shut))
    assert (verdict.cause, verdict.evidence["pairs"]) == ("gossip-tcp", [[*pair] for pair in sorted(shut)])
    assert verdict.detail.startswith(f"TCP 7946 does not open {way}: engines learn")


def test_an_address_that_no_other_host_reaches_is_the_cause_of_all_that_is_lost_there() -> None:
    """F08: the node advertises the address of a card on which nothing else is, and sends from another one."""
    setup = swarm()
    away: JsonObject = {"ok": True, "mtu": 1500, "device": "eth0", "local": "10.0.0.3"}
    said = observed(setup, AROUND_W3) | opened(((*pair, 7946) for pair in TO_W3), TO_W3, word="unreachable")
    said["w3", "wire/ways"] = Answer({"targets": {"w1": away, "w2": away}})
    found = bad(setup, [Ports(), Kernels(), UdpMatrix()], said)
    assert (found[0].cause, roots(found)) == ("address-unreached", ["address-unreached"])
    assert {str(one.cause) for one in found} >= {"outer-source", "underlay"}
    assert found[0].detail.startswith("nothing gets from other hosts to 192.0.2.3, the address that w3 is known by")


def test_an_address_that_is_gone_is_the_cause_of_all_that_does_not_reach_it() -> None:
    """F11: a new address by DHCP; F10 is the same with 0.0.0.0."""
    setup = swarm()
    moved: JsonObject = {"macs": {"10.0.0.3": "0242c0000203", "127.0.0.1": ""}}
    said = observed(setup, AROUND_W3, w3=moved) | opened(((*pair, 7946) for pair in TO_W3), TO_W3)
    found = bad(setup, [Identities(), Ports(), UdpMatrix()], said)
    assert (found[0].cause, roots(found)) == ("address-gone", ["address-gone"])
    assert found[0].detail.startswith("the node of w3 is known by 192.0.2.3, but w3 has 10.0.0.3")


@pytest.mark.parametrize(
    "lost", [[("w1", "w2"), ("w2", "w1")], [("w1", "w2"), ("w2", "w1"), ("w3", "w2"), ("w2", "w3")]]
)
def test_a_host_that_has_the_address_of_another_one_is_the_cause_of_all_that_is_lost_there(
    lost: list[tuple[str, str]],
) -> None:
    """F77: on ``lo``, for a load balancer; on a device that answers ARP, further hosts send to the wrong one."""
    setup = swarm()
    devices: JsonObject = {"devices": {vtep("w1"): "eth0", vtep("w2"): "lo", "127.0.0.1": "lo"}}
    said = observed(setup, lost, w1=devices) | opened(((*pair, 7946) for pair in lost), lost)
    stays: JsonObject = {"ok": True, "mtu": 65536, "device": "lo", "local": vtep("w2")}
    leaves: JsonObject = {"ok": True, "mtu": 1500, "device": "eth0", "local": vtep("w1")}
    said["w1", "wire/ways"] = Answer({"targets": {"w2": stays, "w3": leaves}})
    found = bad(setup, [Identities(), Kernels(), Ports(), UdpMatrix()], said)
    assert (found[0].cause, roots(found)) == ("address-of-peer", ["address-of-peer"])
    assert found[0].detail.startswith(f"w1 has {vtep('w2')}, the address of w2, on its device lo")
    assert found[0].evidence["commands"] == [f"ip address del {vtep('w2')} dev lo"]


def test_an_address_behind_a_nat_that_works_is_not_reported() -> None:
    setup = swarm()
    assert bad(setup, [Identities()], observed(setup, w3={"macs": {"10.0.0.3": "0242c0000203"}})) == []


FIXED: JsonObject = {"address": vtep("w3"), "device": "eth0", "mac": "020000000099"}
BETWEEN = [("w2", "w3"), ("w3", "w2")]


def test_a_fixed_hardware_address_that_the_peer_does_not_have_is_the_cause_of_a_cut_pair() -> None:
    """F70: seen, such an entry alone cuts a pair, both ways."""
    setup = swarm()
    said = observed(setup, BETWEEN, w2={"fixed": [FIXED]}) | opened(((*one, 7946) for one in BETWEEN), BETWEEN)
    found = bad(setup, [Identities(), Ports(), UdpMatrix()], said)
    assert (found[0].cause, found[0].subject, roots(found)) == ("neighbour-fixed", "host w2", ["neighbour-fixed"])
    assert f"w2 sends what is for w3 ({vtep('w3')}) to the hardware address 02:00:00:00:00:99" in found[0].detail
    assert "w3 has 02:42:c0:00:02:03" in found[0].detail
    assert found[0].evidence["commands"] == [f"ip neigh del {vtep('w3')} dev eth0"]


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({}, []),  # a router or another device takes it, and the way works
        ({"mac": "0242c0000203"}, BETWEEN),  # it is the right one, as fabrics set it for all hosts
        ({"address": "192.0.2.99"}, BETWEEN),  # of no host of the swarm
    ],
)
def test_a_fixed_entry_that_is_right_or_works_is_not_reported(change: JsonObject, lost: list[tuple[str, str]]) -> None:
    setup = swarm()
    said = observed(setup, lost, w2={"fixed": [FIXED | change]}) | opened(((*one, 7946) for one in lost), lost)
    assert "neighbour-fixed" not in roots(bad(setup, [Identities(), Ports()], said))


def test_a_peer_whose_hardware_address_is_not_known_is_not_compared() -> None:
    setup = swarm()
    said = observed(setup, BETWEEN, w2={"fixed": [FIXED]}, w3={"macs": {vtep("w3"): "000000000000"}})
    assert bad(setup, [Identities()], said) == []


def test_a_line_that_is_cut_between_two_hosts_blames_neither() -> None:
    setup, pair = swarm(), [("w2", "w3"), ("w3", "w2")]
    (verdict,) = bad(setup, [Ports()], observed(setup) | opened(((*one, 7946) for one in pair), pair))
    assert (verdict.cause, verdict.subject) == ("address-unreached", "w2 -> w3")
    assert verdict.detail.startswith("nothing passes between w2 and w3: neither TCP 7946 nor an echo")
    assert "PERMANENT in ip neigh show" in str(verdict.fix)  # seen: such an entry alone cuts a pair, both ways


def test_a_port_that_refuses_everyone_has_no_engine_and_one_that_refuses_some_is_blocked() -> None:
    setup = swarm()
    every = [(source, "w3", 7946) for source in ("w1", "w2")]
    assert bad(setup, [Ports()], observed(setup) | opened(every, word="refused")) == []
    (verdict,) = bad(setup, [Ports()], observed(setup) | opened(every[:1], word="refused"))
    assert (verdict.cause, verdict.evidence["pairs"]) == ("gossip-tcp", [["w1", "w3"]])


def test_copies_of_one_machine_are_named() -> None:
    """F12."""
    setup = swarm()
    same: JsonObject = {"macs": {vtep("w2"): "0242c0000201"}}
    hosts = setup.state.hosts
    twin = hosts[2].model_copy(update={"engine": hosts[2].engine.model_copy(update={"id": "w1"})})
    copied = setup.state.model_copy(update={"hosts": (*hosts[:2], twin)})
    found = Identities().judge(setup, observed(setup, w2=same)).verdicts
    assert [(one.cause, one.evidence["hosts"]) for one in found] == [("same-mac", ["w1", "w2"])]
    found = Identities().judge(replace(setup, state=copied), observed(setup)).verdicts
    assert [(one.cause, one.evidence["hosts"]) for one in found] == [("same-engine", ["w1", "w3"])]
