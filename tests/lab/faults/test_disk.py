from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault

if TYPE_CHECKING:
    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab


NEW = "rm -f /var/lib/docker/probe; dd if=/dev/zero of=/var/lib/docker/probe bs=1M count=4"
WRITE = ("sh", "-c", f"{NEW}; code=$?; rm -f /var/lib/docker/probe; exit $code")


def test_a_full_disk_refuses_the_engine_but_not_other_hosts(broken: Lab) -> None:
    broken.break_(Fault(host="m2", kind="disk"))
    full, other = broken.exec("m2", WRITE), broken.exec("m1", WRITE)
    broken.heal(Fault(host="m2", kind="disk"))

    assert "No space left on device" in full.stderr
    assert other.exit_code == 0
    assert broken.exec("m2", WRITE).exit_code == 0


def test_a_disk_stays_full_over_a_power_cut_and_healing_it_gives_the_engine_back(broken: Lab) -> None:
    """How an engine fares that starts on it differs: what the one before it left open gives a block or none."""
    broken.break_(Fault(host="m2", kind="disk"))
    broken.break_(Fault(host="m2", kind="kill"))
    broken.heal(Fault(host="m2", kind="kill"))

    assert broken.status().broken == ("m2: disk full",)
    assert "No space left on device" in broken.exec("m2", WRITE).stderr
    broken.heal(Fault(host="m2", kind="disk"))

    assert broken.exec("m2", WRITE).exit_code == 0
    assert broken.exec("m2", ["docker", "version"]).exit_code == 0
    assert broken.status().broken == ()
