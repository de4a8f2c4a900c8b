"""What else takes the data path's port, a network's VNI, or all room for connections on a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.scenario import Answer
from swarmnet.verify.scenarios.hosts.data_path import HOLDERS, DataPath
from swarmnet.verify.scenarios.hosts.kernels import Kernels
from swarmnet.verify.scenarios.pairs.matrix import UdpMatrix
from tests.support.encrypted_captures import VNIS
from tests.support.small_swarm import bad, observed, roots, swarm

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

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
