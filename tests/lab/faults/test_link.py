from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault
from tests.support.packets import hears, ping, reaches
from tests.support.waiting import soon

if TYPE_CHECKING:
    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab

WAYS = (("m1", "m2"), ("m2", "m1"))


def passes(lab: Lab, way: tuple[str, str], size: int) -> bool:
    return ping(lab, *way, size=size).passed


def test_a_cut_link_isolates_a_host_that_goes_on_running(broken: Lab) -> None:
    fault = Fault(host="m2", kind="link")

    broken.break_(fault)

    assert not hears(broken, "m1", "m2", "icmp")
    assert not hears(broken, "m2", "m1", "icmp")
    assert broken.exec("m2", ["docker", "version"]).exit_code == 0
    broken.heal(fault)
    assert reaches(broken, "m1", "m2", "icmp")


def test_a_narrow_link_loses_larger_packets_both_ways_without_an_error(broken: Lab) -> None:
    broken.break_(Fault(host="m1", kind="mtu", options={"mtu": 1400}))

    # A busy machine may answer too late, so those that pass are sent again.
    assert all(soon(partial(passes, broken, way, 1400)) for way in WAYS)
    assert not any(passes(broken, way, 1401) for way in WAYS)
    assert "mtu 1500" in broken.exec("m1", ["ip", "link", "show", "eth0"]).stdout
    broken.heal(Fault(host="m1", kind="mtu"))
    assert all(soon(partial(passes, broken, way, 1500)) for way in WAYS)


def test_a_narrow_link_carries_streams_of_small_segments_however_fast_they_are_sent(broken: Lab) -> None:
    broken.break_(Fault(host="m1", kind="mtu", options={"mtu": 1400}))
    broken.exec("m2", ["iperf3", "--server", "--daemon", "--one-off"])

    client = ["iperf3", "--client", str(broken.host("m2").address), "-M", "1300", "-n", "20M"]

    # A daemon is back before its child listens.
    assert soon(lambda: broken.exec("m1", client).exit_code == 0), broken.exec("m1", client).last_words()


def test_faults_of_a_cable_are_still_there_after_a_boot(broken: Lab) -> None:
    broken.break_(Fault(host="m1", kind="mtu", options={"mtu": 1400}))
    broken.break_(Fault(host="m2", kind="link"))

    for host in ("m1", "m2"):
        broken.break_(Fault(host=host, kind="kill"))
        broken.heal(Fault(host=host, kind="kill"))

    assert not hears(broken, "m1", "m2", "icmp")
    assert [ping(broken, "m3", "m1", size=size).passed for size in (1400, 1401)] == [True, False]
    assert broken.status().broken == (
        "m1: its link loses packets of more than 1400 bytes",
        "m2: link cut",
    )
