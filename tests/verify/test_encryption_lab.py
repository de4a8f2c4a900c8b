"""Encryption and packet sizes on real kernels of three engine versions: proved, and red with the cause named."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault
from swarmnet.model.report import Status
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.story import VerifyOptions
from tests.support.commands import docker
from tests.support.live_verify import run, traces
from tests.support.own_cluster import IMAGE
from tests.support.waiting import soon
from tests.verify.staged import named, staged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.lab import Lab
    from swarmnet.model.report import Verdict
    from tests.support.own_cluster import OwnCluster

pytestmark = pytest.mark.lab
PATIENT = 6.0
"""Seconds for what passes to recover, where a failure is waited for: kernels that are processes are slow."""
ON_THE_WIRE = ("mtu", "underlay-mtu", "encryption", "injection", "ipsec", "encryption-rules")


def wish(*names: str, networks: tuple[str, ...] = ("vault",)) -> VerifyOptions:
    return VerifyOptions(tuple(one for one in ALL if one.name in names), networks=networks, settle=PATIENT)


@contextmanager
def broken(lab: Lab, *faults: Fault) -> Iterator[None]:
    for fault in faults:
        lab.break_(fault)
    try:
        yield
    finally:
        for fault in faults:
            lab.heal(fault)


@contextmanager
def staying(lab: Lab, host: str, network: str) -> Iterator[None]:
    """Keep a container on a network: the engine sets a network's rules again for the first one that joins it."""
    docker(lab, host, "run", "-d", "--name", "staying", "--network", network, IMAGE, "sleep", "600")
    try:
        yield
    finally:
        docker(lab, host, "rm", "-f", "staying")


def failures(verdicts: tuple[Verdict, ...], scenario: str) -> list[Verdict]:
    return [one for one in verdicts if one.scenario == scenario and one.status is Status.FAILED]


def causes_of(verdicts: tuple[Verdict, ...]) -> set[tuple[str, str]]:
    """Return the failures that follow from no other one."""
    return {(one.scenario, one.subject) for one in verdicts if one.status is Status.FAILED and not one.because_of}


def test_encryption_is_proved_next_to_a_plain_overlay_that_is_gone_afterwards(own_cluster: OwnCluster) -> None:
    before = traces(own_cluster.lab)
    result = run(own_cluster.lab, wish(*ON_THE_WIRE))
    assert {(verdict.scenario, verdict.status) for verdict in result.verdicts} == {
        (name, Status.OK) for name in ON_THE_WIRE
    }, [verdict.detail for verdict in result.verdicts]
    said = {verdict.scenario: verdict.detail for verdict in result.verdicts}
    assert "the same filter read them on swarmnet-control-" in said["encryption"]
    assert "the same packets arrive on plain swarmnet-control-" in said["injection"]
    assert said["mtu"].startswith("exactly 1424 bytes pass between all 6 pairs")
    assert soon(lambda: traces(own_cluster.lab) == before), (before, traces(own_cluster.lab))


def test_blocked_esp_and_flushed_rules_are_distinguished_and_named(own_cluster: OwnCluster) -> None:
    block = Fault(host="m3", kind="block", options={"to": "m2", "protocol": "esp"})
    rules = Fault(host="m1", kind="rules")
    with staying(own_cluster.lab, "m1", "vault"), broken(own_cluster.lab, block, rules):
        # The plain overlay comes again to m1, and its engine sets some of the flushed rules again.
        names = ("udp", "ipsec", "encryption-rules", "balance", "hairpin")
        found = run(own_cluster.lab, wish(*names, networks=("vault", "plain")))
    assert causes_of(found.verdicts) == {("matrix", "network vault"), ("firewall", "host m1")}, found.verdicts
    assert {"balance", "hairpin", "encryption-rules"} <= {one.scenario for one in found.verdicts if one.because_of}
    causes = {str(one.evidence["cause"]): one for one in failures(found.verdicts, "matrix")}
    assert causes.keys() == {"esp-blocked", "rules-flushed"}, [one.detail for one in found.verdicts]
    assert causes["esp-blocked"].evidence["pairs"] == [["m3", "m2"]]
    assert causes["rules-flushed"].evidence["pairs"] == [["m1", "m2"], ["m1", "m3"]]
    (audit,) = failures(found.verdicts, "encryption-rules")
    assert audit.evidence["hosts"] == ["m1"]


def test_a_missing_rule_and_a_balancer_that_does_not_forward_are_each_the_cause(own_cluster: OwnCluster) -> None:
    lab, cases = own_cluster.lab, [staged("F37"), staged("F52")]
    with cases[0].on(lab), cases[1].on(lab):
        found = run(lab, wish("encryption-rules", "ipvs", "vip"))
    roots = {(one.cause, *named(one)) for one in found.verdicts if one.status is Status.FAILED and not one.because_of}
    assert roots == {(case.cause, *case.hosts) for case in cases}, found.verdicts


def test_an_underlay_that_is_too_small_is_named_with_the_mtu_that_the_network_needs(own_cluster: OwnCluster) -> None:
    lab = own_cluster.lab
    lab.exec("m1", ["ip", "link", "set", "eth0", "mtu", "1400"])
    try:
        found = run(lab, wish("mtu"))
    finally:
        lab.exec("m1", ["ip", "link", "set", "eth0", "mtu", "1500"])
    small = [one for one in failures(found.verdicts, "mtu") if one.evidence.get("cause") == "underlay-mtu"]
    assert [one.evidence["hosts"] for one in small] == [["m1"]], [one.detail for one in found.verdicts]
    assert "has an MTU of 1400: containers on vault send up to 1424 bytes, but only 1324 fit" in small[0].detail
