"""Faults that take a kernel of their own, and which of all faults a power cut ends there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import LabError
from swarmnet.lab import Fault
from tests.support.packets import ping
from tests.support.waiting import seen, soon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.lab import Lab
    from tests.support.own_cluster import OwnCluster

pytestmark = pytest.mark.lab

CLOSE = 5.0
"""Seconds by which two looks at one clock may differ on a busy machine."""
IDENTITY = "docker info --format '{{.ID}} {{.Swarm.NodeID}}'; cat /etc/machine-id /sys/class/net/eth0/address"


@pytest.fixture
def own_lab(own_cluster: OwnCluster) -> Iterator[Lab]:
    """The cluster's lab: m1 (26.1), m2 (20.10), m3 (28.5); healed afterwards."""
    yield own_cluster.lab
    own_cluster.heal()


def bad_line(lab: Lab, **how: float) -> None:
    lab.break_(Fault.model_validate({"host": "m1", "kind": "netem", **how}))


def skew(lab: Lab, host: str) -> float:
    """Return how many seconds a host's clock is ahead; asked again while the answer itself takes long."""

    def look() -> tuple[float, float]:
        before, reported, after = time.time(), float(lab.exec(host, ["date", "+%s.%N"]).stdout), time.time()
        return after - before, reported - (before + after) / 2

    return seen(look, lambda found: found[0] < CLOSE)[1]


def damaged(lab: Lab, host: str) -> int:
    """Return how many ICMP packets the kernel of a host refused for their checksums."""
    text = lab.exec(host, ["cat", "/proc/net/snmp"]).stdout
    names, values = (line.split() for line in text.splitlines() if line.startswith("Icmp:"))
    return int(values[names.index("InCsumErrors")])


def test_a_bad_line_delays_loses_doubles_damages_and_slows_down_what_is_sent(own_lab: Lab) -> None:
    before = damaged(own_lab, "m2")

    bad_line(own_lab, delay_ms=300)
    delayed = ping(own_lab, "m1", "m2", count=2)
    bad_line(own_lab, loss=100)
    lost = ping(own_lab, "m1", "m2", count=3)
    bad_line(own_lab, duplicate=100)
    doubled = ping(own_lab, "m1", "m2", count=3)
    bad_line(own_lab, corrupt=100)
    ping(own_lab, "m1", "m2", count=3, size=1400)
    bad_line(own_lab, rate_kbit=40)
    slow = ping(own_lab, "m1", "m2", size=1400)
    own_lab.heal(Fault(host="m1", kind="netem"))
    healed = seen(lambda: ping(own_lab, "m1", "m2", count=3, size=1400), lambda pings: pings.received == 3)

    assert delayed.milliseconds >= 300
    assert lost.received == 0
    assert doubled.duplicates > 0
    assert damaged(own_lab, "m2") > before
    assert slow.milliseconds >= 1400 * 8 / 40
    assert (healed.received, healed.duplicates) == (3, 0)
    assert healed.milliseconds < 1400 * 8 / 40
    assert "netem" not in own_lab.exec("m1", ["tc", "qdisc", "show", "dev", "eth0"]).stdout


def test_a_clock_is_ahead_or_behind_until_it_is_healed(own_lab: Lab) -> None:
    own_lab.break_(Fault(host="m1", kind="clock", options={"skew_s": 90}))
    ahead = skew(own_lab, "m1")
    own_lab.break_(Fault(host="m1", kind="clock", options={"skew_s": -90}))
    behind, other = skew(own_lab, "m1"), skew(own_lab, "m2")
    own_lab.heal(Fault(host="m1", kind="clock"))

    assert ahead == pytest.approx(90, abs=CLOSE)
    assert behind == pytest.approx(-90, abs=CLOSE)
    assert other == pytest.approx(0, abs=CLOSE)
    assert skew(own_lab, "m1") == pytest.approx(0, abs=CLOSE)


def test_a_frozen_engine_and_flushed_rules_come_back_as_they_were(own_lab: Lab) -> None:
    save = ["sh", "-c", "iptables-save | grep ^-A"]
    before = own_lab.exec("m2", save).stdout
    own_lab.break_(Fault(host="m2", kind="freeze"))
    own_lab.break_(Fault(host="m2", kind="rules"))

    flushed = own_lab.exec("m2", save).stdout
    frozen = next(host for host in own_lab.status().hosts if host.name == "m2")
    own_lab.heal_all("m2")

    assert (frozen.ssh, frozen.engine_answers) == (True, False)
    assert "DOCKER-INGRESS" in before
    assert (flushed, own_lab.exec("m2", save).stdout) == ("", before)


def test_a_power_cut_ends_what_it_would_end_and_the_host_comes_back_as_the_same_node(own_lab: Lab) -> None:
    before = own_lab.exec("m3", ["sh", "-c", IDENTITY]).stdout
    for fault in (
        Fault(host="m3", kind="clock", options={"skew_s": 3600}),
        Fault(host="m3", kind="rules"),
        Fault(host="m3", kind="netem", options={"delay_ms": 200}),
        Fault(host="m3", kind="mtu", options={"mtu": 1400}),
        Fault(host="m3", kind="second"),
        Fault(host="m1", kind="second"),
        Fault(host="m3", kind="freeze"),
    ):
        own_lab.break_(fault)

    own_lab.break_(Fault(host="m3", kind="kill"))
    assert len(own_lab.status().broken) == 5
    with pytest.raises(LabError, match="m3 is powered off"):
        own_lab.exec("m3", ["true"])
    wait_for_node(own_lab, "down")
    own_lab.heal(Fault(host="m3", kind="kill"))

    assert own_lab.status().broken == (
        "m3: what it sends has 200 ms delay",
        "m3: its link loses packets of more than 1400 bytes",
        "m3: has a second interface in 198.18.0.0/24",
        "m1: has a second interface in 198.18.0.0/24",
    )
    assert ping(own_lab, "m3", "m1", size=1400).milliseconds >= 200
    assert [ping(own_lab, *way, size=1401).passed for way in (("m1", "m3"), ("m3", "m1"))] == [False, False]
    assert soon(lambda: ping(own_lab, "m1", "198.18.0.13").passed)
    assert skew(own_lab, "m3") == pytest.approx(0, abs=CLOSE)
    own_lab.heal_all()
    assert own_lab.exec("m3", ["sh", "-c", IDENTITY]).stdout == before
    assert "eth1" not in own_lab.exec("m3", ["ip", "-brief", "link"]).stdout
    wait_for_node(own_lab, "ready")


def wait_for_node(lab: Lab, state: str) -> None:
    """Wait until the other managers agree that m3 is ``state``; while they elect a leader they say nothing."""
    look = ["docker", "node", "inspect", "m3", "--format", "{{.Status.State}}"]
    last = seen(lambda: lab.exec("m1", look), lambda done: done.stdout.strip() == state)
    assert last.stdout.strip() == state, last.last_words()
