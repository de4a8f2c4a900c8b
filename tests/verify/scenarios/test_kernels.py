"""Kernels that silently drop: each setting named with the host, and what fails for it behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.absence import explain as absent
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.causes.pairs import explain
from swarmnet.verify.kernels import KERNEL, VXLAN
from swarmnet.verify.keys import WAYS
from swarmnet.verify.scenario import Answer, Answers
from swarmnet.verify.scenarios.hosts.kernels import MACHINE, Kernels
from swarmnet.verify.scenarios.pairs.matrix import UdpMatrix
from tests.support.encrypted_captures import cluster, vtep
from tests.support.setups import answers as said

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

HOSTS = ("w1", "w2", "w3")


def kernels(**odd: JsonObject) -> Answers:
    """Return what healthy hosts say, but for what is changed of some."""
    found: Answers = {}
    for host in HOSTS:
        reported: JsonObject = {
            "forward": 1,
            "filters": {"eth0": 1, "eth1": 1, "lo": 0},
            "devices": {vtep(host): "eth0", "10.8.0.1": "eth1"},
            "tunnels": {"vxlan9": 9},
        }
        way: JsonObject = {"ok": True, "mtu": 1500, "device": "eth0", "local": vtep(host)}
        changed = odd.get(host, {})
        found[host, KERNEL.name] = Answer(reported | {key: value for key, value in changed.items() if key in reported})
        way |= {key: value for key, value in changed.items() if key in way}
        found[host, WAYS.name] = Answer({"targets": {peer: way for peer in HOSTS if peer != host}})
        machine = str(changed.get(MACHINE.name, host * 8))
        found[host, MACHINE.name] = Answer({"exit": 0, "stdout": f"{machine}\n"})
    return found


def bad(setup: Setup, answers: Answers) -> list[Verdict]:
    """Return all that is not well, causes and consequences."""
    findings = [one.judge(setup, answers) for one in (Kernels(), UdpMatrix())]
    matrices = [matrix for one in findings for matrix in one.matrices]
    verdicts = [*(v for one in findings for v in one.verdicts), *explain(setup, answers, matrices), *absent(setup)]
    return [one for one in traced(verdicts) if one.status not in (Status.OK, Status.SKIPPED)]


def test_kernels_that_hold_nothing_up_are_one_ok() -> None:
    (verdict,) = Kernels().judge(cluster(), kernels()).verdicts
    assert verdict.status is Status.OK


@pytest.mark.parametrize(
    ("odd", "lost", "cause", "words"),
    [
        ({"forward": 0}, [], "ip-forward", "w3 does not forward packets"),
        (
            {"local": "10.8.0.1"},
            [("w3", "w1"), ("w3", "w2")],
            "outer-source",
            "w3 sends to w1, w2 from 10.8.0.1, but overlays know it as 192.0.2.3",
        ),
        (
            {"device": "eth1"},
            [("w1", "w3"), ("w2", "w3")],
            "rp-filter",
            "w3 drops what w1, w2 send to it: answers would leave by eth1, packets come by eth0",
        ),
        ({"tunnels": {"vx-001001-abc": 4097}}, [], "leftover-vxlan", "a VXLAN device of plain (VNI 4097) is left"),
    ],
)
def test_what_a_kernel_holds_up_is_named_and_the_lost_pairs_follow(
    odd: JsonObject, lost: list[tuple[str, str]], cause: str, words: str
) -> None:
    """F6: none of it is blocked UDP 4789 between the hosts."""
    setup = cluster()
    found = bad(setup, said(setup, lost, on=["plain"]) | kernels(w3=odd))
    (root,) = [one for one in found if not one.because_of]
    assert (root.scenario, root.evidence["cause"]) == ("kernels", cause)
    assert root.detail.startswith(words)
    assert len(found) == (2 if lost else 1)


def test_an_odd_source_address_that_works_is_not_a_hosts_trouble() -> None:
    setup = cluster()
    assert bad(setup, said(setup) | kernels(w3={"local": "10.8.0.1"})) == []


def test_a_loose_filter_lets_other_ways_be() -> None:
    loose: JsonObject = {"device": "eth1", "filters": {"eth0": 2, "eth1": 2}}
    assert bad(cluster(), said(cluster()) | kernels(w3=loose)) == []


def test_a_probe_that_a_left_device_keeps_away_follows_from_it() -> None:
    setup = cluster()
    lost = tuple(replace(one, problem="file exists") if one.host == "w3" else one for one in setup.probes)
    found = bad(replace(setup, probes=lost), said(setup) | kernels(w3={"tunnels": {"vx-001001-abc": 4097}}))
    assert [(one.scenario, bool(one.because_of)) for one in found if one.status is Status.FAILED] == [
        ("kernels", False)
    ]
    assert [bool(one.because_of) for one in found if one.scenario == "probe"] == [True]


def test_hosts_with_one_machine_id_are_reported() -> None:
    """F5."""
    (verdict,) = bad(cluster(), said(cluster()) | kernels(w2={MACHINE.name: "a"}, w3={MACHINE.name: "a"}))
    assert (verdict.status, verdict.evidence["hosts"]) == (Status.WARNING, ["w2", "w3"])


@pytest.mark.parametrize("said_so", ["RTNETLINK answers: Operation not supported", "Error: Unknown device type."])
def test_a_kernel_that_refuses_a_vxlan_device_is_named(said_so: str) -> None:
    """F31: as on a Raspberry Pi without linux-modules-extra-raspi."""
    refused = {("w2", VXLAN.name): Answer({"exit": 2, "stdout": "", "stderr": said_so})}
    (verdict,) = bad(cluster(), said(cluster()) | kernels() | refused)
    assert (verdict.cause, verdict.evidence["hosts"]) == ("no-vxlan", ["w2"])
    assert verdict.evidence["commands"] == ["modprobe vxlan"]


def test_a_host_where_vxlan_cannot_be_tried_proves_nothing() -> None:
    refused = {
        ("w2", VXLAN.name): Answer({"exit": 1, "stdout": "", "stderr": "unshare: unshare failed: not permitted"})
    }
    assert bad(cluster(), said(cluster()) | kernels() | refused) == []
