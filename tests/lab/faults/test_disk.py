from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault

if TYPE_CHECKING:
    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab


def test_a_full_disk_refuses_the_engine_but_not_other_hosts(broken: Lab) -> None:
    write = ["dd", "if=/dev/zero", "of=/var/lib/docker/probe", "bs=1M", "count=4"]

    broken.break_(Fault(host="m2", kind="disk"))
    full, other = broken.exec("m2", write), broken.exec("m1", write)
    broken.heal(Fault(host="m2", kind="disk"))

    assert "No space left on device" in full.stderr
    assert other.exit_code == 0
    assert broken.exec("m2", write).exit_code == 0


def test_a_disk_stays_full_over_a_power_cut_and_ends_the_engine_until_it_is_healed(broken: Lab) -> None:
    broken.break_(Fault(host="m2", kind="disk"))
    broken.break_(Fault(host="m2", kind="kill"))
    broken.heal(Fault(host="m2", kind="kill"))

    assert broken.status().broken == ("m2: disk full",)
    broken.heal(Fault(host="m2", kind="disk"))

    assert "no space left on device" in broken.exec("m2", ["cat", "/var/log/docker.log"]).stdout
    assert broken.exec("m2", ["docker", "version"]).exit_code == 0
    assert broken.status().broken == ()
