from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault
from tests.support.packets import ping
from tests.support.waiting import soon

if TYPE_CHECKING:
    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab


def test_hosts_with_second_cards_meet_on_their_own_subnet_and_no_longer_when_healed(broken: Lab) -> None:
    subnet = IPv4Network("192.0.2.0/24")
    for host in ("m1", "m2"):
        broken.break_(Fault(host=host, kind="second", options={"subnet": str(subnet)}))

    assert soon(lambda: ping(broken, "m1", "192.0.2.12").passed)
    assert not ping(broken, "m3", "192.0.2.12").passed
    broken.heal(Fault(host="m2", kind="second"))
    assert not ping(broken, "m1", "192.0.2.12").passed
    assert "eth1" not in broken.exec("m2", ["ip", "-brief", "link"]).stdout


def test_an_engine_with_two_addresses_does_not_choose_one_by_itself(lab: Lab) -> None:
    lab.break_(Fault(host="m3", kind="second"))

    init = lab.exec("m3", ["docker", "swarm", "init"])
    lab.heal_all()

    assert "could not choose an IP address to advertise" in init.stderr
