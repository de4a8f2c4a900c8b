"""What else takes the data path's port, a network's VNI, or all room for connections on a host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.captures import CAPTURE
from swarmnet.verify.scenario import Answer, Observer
from swarmnet.verify.scenarios.encryption.on_the_wire import EncryptionOnTheWire
from swarmnet.verify.scenarios.encryption.states import IpsecStates
from swarmnet.verify.scenarios.hosts.data_path import ECHOES, HOLDERS, DataPath
from swarmnet.verify.scenarios.hosts.kernels import Kernels
from swarmnet.verify.scenarios.pairs.matrix import UdpMatrix
from tests.support.encrypted_captures import VNIS, Wire
from tests.support.small_swarm import bad, observed, roots, swarm

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.verify.scenario import Answers, Setup

VNI = VNIS["plain"]
OWN = "UNCONN 0 0 0.0.0.0:4789 0.0.0.0:* \n"
"""What ``ss`` prints of the kernel's own socket: no process has it."""
HELD = 'UNCONN 0 0 0.0.0.0:4789 0.0.0.0:* users:(("flanneld",pid=812,fd=5))\n'


def test_a_data_path_that_nothing_else_uses_is_one_ok() -> None:
    said = observed(swarm()) | {("w1", HOLDERS.name): Answer({"exit": 0, "stdout": OWN, "stderr": ""})}
    (verdict,) = DataPath().judge(swarm(), said).verdicts
    assert verdict.status is Status.OK


def test_a_program_that_holds_the_port_is_named() -> None:
    """F19, F30."""
    said = observed(swarm()) | {("w2", HOLDERS.name): Answer({"exit": 0, "stdout": HELD, "stderr": ""})}
    (verdict,) = bad(swarm(), [DataPath()], said)
    assert (verdict.cause, verdict.evidence["hosts"]) == ("data-path-taken", ["w2"])
    assert verdict.detail.startswith("flanneld on w2 holds UDP 4789, the swarm's data path port")


@pytest.mark.parametrize(
    ("device", "port", "cause"),
    [
        ("vxlan.calico", 4789, "data-path-taken"),
        ("vx-001001-abcde", 4789, "leftover-vxlan"),
        ("flannel.1", 8472, None),
    ],
)
def test_a_device_with_the_vni_of_a_network_is_a_leftover_or_anothers(
    device: str, port: int, cause: str | None
) -> None:
    """F23, F30: flannel's own port is in no one's way."""
    odd: JsonObject = {"tunnels": {device: VNI}, "ports": {device: port}}
    found = bad(swarm(), [DataPath(), Kernels()], observed(swarm(), w3=odd))
    assert [one.cause for one in found] == ([cause] if cause else [])
    assert all(device in one.detail and "plain" in one.detail for one in found)


def test_a_full_table_of_connections_is_why_packets_are_lost() -> None:
    """F22."""
    setup = swarm()
    odd: JsonObject = {"connections": {"count": 4096, "most": 4096, "drops": 12}}
    found = bad(setup, [DataPath(), UdpMatrix()], observed(setup, [("w1", "w3")], w3=odd))
    assert (found[0].cause, roots(found)) == ("connections-full", ["connections-full"])
    assert found[0].detail.startswith("w3 tracks 4096 connections, and has room for 4096 (nf_conntrack)")
    assert found[0].evidence["commands"] == ["sysctl -w net.netfilter.nf_conntrack_max=262144"]


def apart() -> Setup:
    """Return a cluster in which w3 has another address for VXLAN than its node is known by."""
    setup = swarm()
    others = tuple(one for one in setup.observers if one.host != "w3")
    return replace(setup, observers=(*others, Observer("w3", "10.77.0.13", "192.0.2.3")))


def echoes(*, ok: bool) -> Answers:
    return {(host, ECHOES.name): Answer({"targets": {"w3": {"ok": ok, "tries": 5}}}) for host in ("w1", "w2")}


CUT = [pair for peer in ("w1", "w2") for pair in ((peer, "w3"), ("w3", peer))]


def test_an_address_for_vxlan_that_no_other_host_reaches_is_the_cause_of_all_that_is_lost_there() -> None:
    """F08: the swarm was made by others, with --data-path-addr on one node."""
    setup = apart()
    assert all((host, ECHOES.name) in {(q.host, q.key) for q in DataPath().ask(setup, {})} for host in ("w1", "w2"))
    found = bad(setup, [DataPath(), UdpMatrix()], observed(setup, CUT) | echoes(ok=False))
    assert (found[0].cause, roots(found)) == ("data-path-address", ["data-path-address"])
    assert found[0].detail.startswith("w3 sends and expects VXLAN at 10.77.0.13 (--data-path-addr), and w1, w2 do not")
    assert found[0].evidence["commands"] == [
        "docker swarm leave",
        "docker swarm join --advertise-addr 192.0.2.3 --data-path-addr ADDRESS --token TOKEN MANAGER",
    ]


def test_that_a_host_sends_from_another_address_follows_from_one_that_it_cannot_use() -> None:
    """Seen where the address is on a device that leads nowhere: routes to the peers have another source."""
    setup = apart()
    answers = observed(setup, CUT, w3={"local": "192.0.2.3"}) | echoes(ok=False)
    found = bad(setup, [DataPath(), Kernels(), UdpMatrix()], answers)
    assert (roots(found), {one.cause for one in found} >= {"outer-source"}) == (["data-path-address"], True)


def test_what_ipsec_and_captures_lack_for_such_an_address_follows_from_it() -> None:
    """Seen with --data-path-addr on a device that leads nowhere: keys seemed to differ, captures had no route."""
    setup, scenarios = apart(), [DataPath(), IpsecStates(), EncryptionOnTheWire(), UdpMatrix()]
    answers = Wire(setup).answers() | observed(setup, CUT) | echoes(ok=False)
    answers["w1", CAPTURE.name] = Answer(problem="OSError: [Errno 101] Network is unreachable")
    found = bad(setup, scenarios, answers)
    assert roots(found) == ["data-path-address"]
    assert {one.scenario for one in found if one.because_of} == {"ipsec", "encryption", "matrix"}


@pytest.mark.parametrize(("lost", "ok"), [([], False), (CUT, True)], ids=["overlays pass", "echoes pass"])
def test_an_address_of_its_own_for_vxlan_that_works_is_not_reported(lost: list[tuple[str, str]], *, ok: bool) -> None:
    setup = apart()
    found = bad(setup, [DataPath()], observed(setup, lost) | echoes(ok=ok))
    assert not found


def test_an_address_that_is_only_assumed_is_said_to_be_unknown() -> None:
    setup, why = swarm(), "no container of it is on an overlay, and sudo wants a password"
    first, *others = setup.observers
    setup = replace(setup, observers=(replace(first, unknown=why), *others))
    (verdict,) = DataPath().judge(setup, observed(setup)).verdicts
    assert verdict.status is Status.OK
    assert f"of {first.host} go by another address than that of the node is not known: {why}" in verdict.detail
