"""What is asked for is understood or refused before anything is touched, and told in words."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from swarmnet.errors import UsageError
from swarmnet.lab.faults import FAMILIES, check, describe
from swarmnet.lab.spec import LabSpec, lay_out
from swarmnet.lab.state import Fault, LabRecord

SUBNET = IPv4Network("10.9.0.0/24")


@pytest.fixture
def record() -> LabRecord:
    """A lab of m1 on the machine's kernel, and w1 on its own."""
    spec = LabSpec(hosts=2, kernels=("shared", "own"))
    hosts = lay_out(spec, subnet=SUBNET, lab_id="0", roots={"26.1": Path("/root")})
    return LabRecord(
        name="x", id="0", subnet=SUBNET, hosts=hosts, phase="up", owner=(1, 1), inventory=Path("/x"), disk_gib=1
    )


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (Fault(host="m9", kind="kill"), "no host 'm9'"),
        (Fault(host="m1", kind="magic"), "no fault 'magic'"),
        (Fault(host="m1", kind="block", protocol="udp"), "needs --to HOST"),
        (Fault(host="m1", kind="block", to="m1", protocol="udp"), "from itself"),
        (Fault(host="m1", kind="block", to="w9", protocol="udp"), "no host 'w9'"),
        (Fault(host="m1", kind="block", to="w1", protocol="esp", port=5), "--port 5 does not go with --proto esp"),
        (Fault(host="m1", kind="block", to="w1", protocol="tcp", port=70000), "--port 70000 does not go"),
        (Fault(host="m1", kind="link", to="w1"), "--to belongs to `block`, `fdb`, not to `link`"),
        (Fault(host="m1", kind="disk", skew_s=3), "--by belongs to `clock`"),
        (Fault(host="m1", kind="mtu"), "needs --mtu"),
        (Fault(host="m1", kind="mtu", mtu=1500), "from 576 to 1499"),
        (Fault(host="m1", kind="netem"), "needs --delay, --loss"),
        (Fault(host="m1", kind="netem", jitter_ms=5, loss=1), "--jitter varies a --delay"),
        (Fault(host="m1", kind="netem", loss=101), "101% is no share"),
        (Fault(host="m1", kind="netem", delay_ms=61_000), "61000 ms cannot"),
        (Fault(host="m1", kind="netem", rate_kbit=0), "1kbit or more"),
        (Fault(host="w1", kind="clock"), "needs --by"),
        (Fault(host="m1", kind="clock", skew_s=60), "m1 has the machine's clock"),
        (Fault(host="m1", kind="machine-id"), "needs --like"),
        (Fault(host="m1", kind="machine-id", like="m1"), "its own machine-id already"),
        (Fault(host="m1", kind="second", subnet=IPv4Network("10.0.0.0/8")), "overlaps the lab's own"),
        (Fault(host="m1", kind="second", subnet=IPv4Network("192.0.2.0/29")), "no address for m1"),
        (Fault(host="m1", kind="fdb", to="w1"), "needs --network NAME"),
        (Fault(host="m1", kind="fdb", to="m1", network="front"), "leads to itself"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(record: LabRecord, fault: Fault, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        check(fault, record)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(host="m1", kind="kill"), "m1: powered off"),
        (Fault(host="m1", kind="block", to="w1", protocol="udp", port=4789), "m1: udp port 4789 to w1 is blocked"),
        (Fault(host="m1", kind="mtu", mtu=1400), "m1: its link loses packets of more than 1400 bytes"),
        (
            Fault(host="w1", kind="netem", delay_ms=50, jitter_ms=5, loss=2.5, rate_kbit=800),
            "w1: what it sends has 50 ms delay, 5 ms jitter, 2.5 % lost, at most 800 kbit/s",
        ),
        (Fault(host="w1", kind="clock", skew_s=-7200), "w1: its clock is 2 h behind"),
        (Fault(host="w1", kind="clock", skew_s=1.5), "w1: its clock is 1.5 s ahead"),
        (Fault(host="m1", kind="rules", table="nat"), "m1: firewall rules of table nat flushed"),
        (Fault(host="m1", kind="second"), "m1: has a second interface in 198.18.0.0/24"),
    ],
)
def test_a_fault_is_told_in_words(record: LabRecord, fault: Fault, words: str) -> None:
    check(fault, record)

    assert describe(fault) == words


def test_every_kind_of_fault_has_a_name_a_line_of_help_and_known_options() -> None:
    fields = set(Fault.model_fields)

    for kind, family in FAMILIES.items():
        assert family.kind == kind
        assert family.told
        assert family.key <= family.takes <= fields


def test_options_left_open_match_any() -> None:
    fault = Fault(host="m1", kind="block", to="w1", protocol="udp", port=4789)

    assert fault.matches(Fault(host="m1", kind="block"))
    assert fault.matches(Fault(host="m1", kind="block", protocol="udp"))
    assert not fault.matches(Fault(host="m1", kind="block", protocol="tcp"))
    assert not fault.matches(Fault(host="w1", kind="block"))
