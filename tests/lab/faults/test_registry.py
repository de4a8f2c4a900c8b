"""What is asked for is understood or refused before anything is touched, and described in words."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from swarmnet.errors import UsageError
from swarmnet.lab.faults import FAMILIES, checked, describe
from swarmnet.lab.layout import lay_out
from swarmnet.lab.spec import LabSpec
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
        (Fault(host="m1", kind="block", options={"protocol": "udp"}), "needs --to HOST"),
        (Fault(host="m1", kind="block", options={"to": "m1", "protocol": "udp"}), "from itself"),
        (Fault(host="m1", kind="block", options={"to": "w9", "protocol": "udp"}), "no host 'w9'"),
        (
            Fault(host="m1", kind="block", options={"to": "w1", "protocol": "esp", "port": 5}),
            "--port 5 does not go with --proto esp",
        ),
        (
            Fault(host="m1", kind="block", options={"to": "w1", "protocol": "tcp", "port": 70000}),
            "--port 70000 is out of range",
        ),
        (Fault(host="m1", kind="link", options={"to": "w1"}), "--to belongs to `block`, `fdb`, not to `link`"),
        (Fault(host="m1", kind="disk", options={"skew_s": 3}), "--by belongs to `clock`"),
        (Fault(host="m1", kind="mtu"), "needs --mtu"),
        (Fault(host="m1", kind="mtu", options={"mtu": 1500}), "at least 576 bytes and at most 1499 bytes"),
        (Fault(host="m1", kind="netem"), "needs --delay, --loss"),
        (Fault(host="m1", kind="netem", options={"jitter_ms": 5, "loss": 1}), "--jitter varies a --delay"),
        (Fault(host="m1", kind="netem", options={"loss": 101}), "--loss 101 % is out of range"),
        (Fault(host="m1", kind="netem", options={"delay_ms": 61_000}), "--delay 61000 ms is out of range"),
        (Fault(host="m1", kind="netem", options={"rate_kbit": 0}), "at least 1 kbit/s"),
        (Fault(host="w1", kind="clock"), "needs --by"),
        (Fault(host="m1", kind="clock", options={"skew_s": 60}), "m1 has the machine's clock"),
        (Fault(host="m1", kind="machine-id"), "needs --like"),
        (Fault(host="m1", kind="machine-id", options={"like": "m1"}), "its own machine-id already"),
        (Fault(host="m1", kind="second", options={"subnet": "10.0.0.0/8"}), "overlaps the lab's own"),
        (Fault(host="m1", kind="second", options={"subnet": "192.0.2.0/29"}), "no address for m1"),
        (Fault(host="m1", kind="fdb", options={"to": "w1"}), "needs --network NAME"),
        (Fault(host="m1", kind="fdb", options={"to": "m1", "network": "front"}), "leads to itself"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(record: LabRecord, fault: Fault, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        checked(fault, record)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(host="m1", kind="kill"), "m1: powered off"),
        (
            Fault(host="m1", kind="block", options={"to": "w1", "protocol": "udp", "port": 4789}),
            "m1: udp port 4789 to w1 is blocked",
        ),
        (Fault(host="m1", kind="mtu", options={"mtu": 1400}), "m1: its link loses packets of more than 1400 bytes"),
        (
            Fault(host="w1", kind="netem", options={"delay_ms": 50, "jitter_ms": 5, "loss": 2.5, "rate_kbit": 800}),
            "w1: what it sends has 50 ms delay, 5 ms jitter, 2.5 % lost, at most 800 kbit/s",
        ),
        (Fault(host="w1", kind="clock", options={"skew_s": -7200}), "w1: its clock is 2 h behind"),
        (Fault(host="w1", kind="clock", options={"skew_s": 1.5}), "w1: its clock is 1.5 s ahead"),
        (Fault(host="m1", kind="rules", options={"table": "nat"}), "m1: firewall rules of table nat flushed"),
        (Fault(host="m1", kind="second"), "m1: has a second interface in 198.18.0.0/24"),
    ],
)
def test_a_fault_is_described_in_words(record: LabRecord, fault: Fault, words: str) -> None:
    assert describe(checked(fault, record)) == words


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_kind_of_fault_has_a_name_a_line_of_help_and_options_with_units(kind: str) -> None:
    family = FAMILIES[kind]

    assert family.kind == kind
    assert family.summary
    assert all(option.option.help and option.option.unit.metavar for option in family.declared())


def test_an_option_has_one_unit_whichever_kind_takes_it() -> None:
    units: dict[str, set[str]] = {}
    for family in FAMILIES.values():
        for option in family.declared():
            units.setdefault(option.name, set()).add(option.option.unit.metavar)

    assert {name: found for name, found in units.items() if len(found) > 1} == {}


OLD_JOURNAL = [
    ({"host": "m1", "kind": "kill"}, "m1: powered off"),
    (
        {"host": "m1", "kind": "block", "to": "w1", "protocol": "udp", "port": 4789},
        "m1: udp port 4789 to w1 is blocked",
    ),
    ({"host": "m1", "kind": "mtu", "mtu": 1400}, "m1: its link loses packets of more than 1400 bytes"),
    (
        {"host": "w1", "kind": "netem", "delay_ms": 50.0, "jitter_ms": 5.0, "loss": 2.5, "rate_kbit": 800},
        "w1: what it sends has 50 ms delay, 5 ms jitter, 2.5 % lost, at most 800 kbit/s",
    ),
    ({"host": "w1", "kind": "clock", "skew_s": -7200.0}, "w1: its clock is 2 h behind"),
    ({"host": "m1", "kind": "rules", "table": "nat"}, "m1: firewall rules of table nat flushed"),
    ({"host": "m1", "kind": "second"}, "m1: has a second interface in 198.18.0.0/24"),
    ({"host": "m1", "kind": "second", "subnet": "192.0.2.0/24"}, "m1: has a second interface in 192.0.2.0/24"),
    ({"host": "m1", "kind": "machine-id", "like": "w1"}, "m1: its machine-id is that of w1"),
    (
        {"host": "m1", "kind": "fdb", "network": "front", "to": "w1"},
        "m1: no forwarding entry leads to w1 in network front",
    ),
]


@pytest.mark.parametrize(("written", "words"), OLD_JOURNAL)
def test_a_journal_of_an_older_version_still_says_what_is_broken(written: dict[str, object], words: str) -> None:
    assert describe(Fault.model_validate_json(json.dumps(written))) == words


def test_what_a_journal_holds_is_what_was_checked(record: LabRecord) -> None:
    fault = checked(Fault(host="m1", kind="block", options={"to": "w1"}), record)

    assert Fault.model_validate_json(fault.model_dump_json()) == fault
    assert fault.options == {"to": "w1", "protocol": "all"}


def test_options_left_open_match_any() -> None:
    fault = Fault(host="m1", kind="block", options={"to": "w1", "protocol": "udp", "port": 4789})

    assert fault.matches(Fault(host="m1", kind="block"))
    assert fault.matches(Fault(host="m1", kind="block", options={"protocol": "udp"}))
    assert not fault.matches(Fault(host="m1", kind="block", options={"protocol": "tcp"}))
    assert not fault.matches(Fault(host="w1", kind="block"))
