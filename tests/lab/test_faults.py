"""What `break` promises is what traffic then sees, in that direction and no other; `heal` takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import LabError, UsageError
from swarmnet.lab import Fault
from tests.lab.traffic import hears

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab

BLOCKS = {
    "udp port": Fault(host="m1", kind="block", to="m2", protocol="udp", port=4789),
    "tcp port": Fault(host="m1", kind="block", to="m2", protocol="tcp", port=2377),
    "esp": Fault(host="m1", kind="block", to="m2", protocol="esp"),
    "icmp": Fault(host="m1", kind="block", to="m2", protocol="icmp"),
}


@pytest.fixture
def broken(session_lab: Lab) -> Iterator[Lab]:
    """A lab to break; healed afterwards."""
    session_lab.heal_all()
    yield session_lab
    session_lab.heal_all()


@pytest.mark.parametrize("fault", BLOCKS.values(), ids=BLOCKS.keys())
def test_a_block_silences_one_protocol_in_one_direction_until_it_is_healed(broken: Lab, fault: Fault) -> None:
    protocol, port = fault.protocol or "", fault.port or 0
    assert hears(broken, "m1", "m2", protocol, port=port)

    broken.break_(fault)

    assert not hears(broken, "m1", "m2", protocol, port=port)
    assert hears(broken, "m2", "m1", protocol, port=port)
    assert hears(broken, "m1", "m3", protocol, port=port)
    broken.heal(fault)
    assert hears(broken, "m1", "m2", protocol, port=port)


def test_a_block_of_one_port_lets_other_ports_and_protocols_through(broken: Lab) -> None:
    broken.break_(BLOCKS["udp port"])

    assert hears(broken, "m1", "m2", "udp", port=7946)
    assert hears(broken, "m1", "m2", "tcp", port=4789)


def test_a_block_of_all_silences_everything(broken: Lab) -> None:
    broken.break_(Fault(host="m1", kind="block", to="m2", protocol="all"))

    heard = [protocol for protocol in ("icmp", "tcp", "udp", "esp") if hears(broken, "m1", "m2", protocol, port=9)]

    assert heard == []


def test_healing_one_block_keeps_the_other(broken: Lab) -> None:
    broken.break_(BLOCKS["udp port"])
    broken.break_(BLOCKS["icmp"])

    broken.heal(BLOCKS["icmp"])

    assert hears(broken, "m1", "m2", "icmp")
    assert not hears(broken, "m1", "m2", "udp", port=4789)


def test_a_cut_link_isolates_a_host_that_goes_on_running(broken: Lab) -> None:
    fault = Fault(host="m2", kind="link")

    broken.break_(fault)

    assert not hears(broken, "m1", "m2", "icmp")
    assert not hears(broken, "m2", "m1", "icmp")
    assert broken.exec("m2", ["docker", "version"]).exit_code == 0
    broken.heal(fault)
    assert hears(broken, "m1", "m2", "icmp")


def test_a_stopped_engine_leaves_its_host_reachable(broken: Lab) -> None:
    broken.break_(Fault(host="m2", kind="engine"))

    seen = {host.name: host for host in broken.status().hosts}["m2"]

    assert (seen.powered, seen.ssh, seen.engine_answers) == (True, True, False)
    broken.heal(Fault(host="m2", kind="engine"))
    assert broken.exec("m2", ["docker", "version"]).exit_code == 0


def test_a_full_disk_refuses_the_engine_but_not_other_hosts(broken: Lab) -> None:
    write = ["dd", "if=/dev/zero", "of=/var/lib/docker/probe", "bs=1M", "count=4"]

    broken.break_(Fault(host="m2", kind="disk"))
    full, other = broken.exec("m2", write), broken.exec("m1", write)
    broken.heal(Fault(host="m2", kind="disk"))

    assert "No space left on device" in full.stderr
    assert other.exit_code == 0
    assert broken.exec("m2", write).exit_code == 0


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


def test_a_link_that_was_cut_stays_cut_when_its_host_is_switched_on(broken: Lab) -> None:
    broken.break_(Fault(host="m2", kind="link"))
    broken.break_(Fault(host="m2", kind="kill"))

    broken.heal(Fault(host="m2", kind="kill"))

    assert not hears(broken, "m1", "m2", "icmp")


def test_the_status_lists_what_is_broken_in_words(broken: Lab) -> None:
    broken.break_(Fault(host="m3", kind="link"))
    broken.break_(BLOCKS["udp port"])

    assert broken.status().broken == ("m3: link cut", "m1: udp port 4789 to m2 is blocked")


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (Fault(host="m9", kind="kill"), "no host 'm9'"),
        (Fault(host="m1", kind="block", protocol="udp"), "needs --to HOST"),
        (Fault(host="m1", kind="block", to="m1", protocol="udp"), "from itself"),
        (Fault(host="m1", kind="block", to="m2", protocol="esp", port=5), "--port 5 does not go with --proto esp"),
        (Fault(host="m1", kind="link", to="m2"), "belong to `block`"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(broken: Lab, fault: Fault, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        broken.break_(fault)

    assert broken.status().broken == ()
