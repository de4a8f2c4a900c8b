from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import LabError
from swarmnet.lab import Fault

if TYPE_CHECKING:
    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab


def test_a_killed_host_comes_back_with_the_same_disk_keys_and_address(broken: Lab) -> None:
    identity = ["sh", "-c", "docker info --format '{{.ID}}'; cat /etc/machine-id /etc/ssh/*.pub; ip -o link show eth0"]
    before = broken.exec("m2", identity).stdout.split(" link/ether ")
    broken.exec("m2", ["sh", "-c", "echo kept > /root/file; sync"])

    broken.break_(Fault(host="m2", kind="kill"))
    with pytest.raises(LabError, match="m2 is powered off"):
        broken.exec("m2", ["true"])
    broken.heal(Fault(host="m2", kind="kill"))

    after = broken.exec("m2", identity).stdout.split(" link/ether ")
    assert before[0].rsplit("\n", 2)[0] == after[0].rsplit("\n", 2)[0]
    assert before[1].split()[0] == after[1].split()[0]
    assert broken.exec("m2", ["cat", "/root/file"]).stdout == "kept\n"


def test_a_reboot_ends_what_a_boot_ends_and_is_over_when_the_host_answers(broken: Lab) -> None:
    up_since = ["stat", "--format=%Y", "/proc/1"]
    before = broken.exec("m2", up_since).stdout
    broken.break_(Fault(host="m2", kind="freeze"))
    broken.break_(Fault(host="m2", kind="machine-id", options={"like": "m1"}))

    broken.break_(Fault(host="m2", kind="reboot"))

    assert broken.exec("m2", ["docker", "version"]).exit_code == 0
    assert broken.exec("m2", up_since).stdout > before
    assert broken.status().broken == ("m2: its machine-id is that of m1",)
