"""What `block` promises is what traffic then sees, in that direction and no other; `heal` takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault
from tests.support.packets import hears, reaches, talking

if TYPE_CHECKING:
    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab

BLOCKS = {
    "udp port": Fault(host="m1", kind="block", options={"to": "m2", "protocol": "udp", "port": 4789}),
    "tcp port": Fault(host="m1", kind="block", options={"to": "m2", "protocol": "tcp", "port": 2377}),
    "esp": Fault(host="m1", kind="block", options={"to": "m2", "protocol": "esp"}),
    "gossip by udp": Fault(host="m1", kind="block", options={"to": "m2", "protocol": "udp", "port": 7946}),
    "gossip by tcp": Fault(host="m1", kind="block", options={"to": "m2", "protocol": "tcp", "port": 7946}),
    "icmp": Fault(host="m1", kind="block", options={"to": "m2", "protocol": "icmp"}),
}


@pytest.mark.parametrize("fault", BLOCKS.values(), ids=BLOCKS.keys())
def test_a_block_silences_one_protocol_in_one_direction_until_it_is_healed(broken: Lab, fault: Fault) -> None:
    protocol, port = str(fault.options["protocol"]), int(fault.options.get("port", 0))
    assert reaches(broken, "m1", "m2", protocol, port=port)

    broken.break_(fault)

    assert not hears(broken, "m1", "m2", protocol, port=port)
    assert reaches(broken, "m2", "m1", protocol, port=port)
    assert reaches(broken, "m1", "m3", protocol, port=port)
    broken.heal(fault)
    assert reaches(broken, "m1", "m2", protocol, port=port)


@pytest.mark.timeout(60)
def test_silence_is_noticed_also_while_others_talk(broken: Lab) -> None:
    broken.break_(BLOCKS["gossip by tcp"])

    with talking(broken, "m3", "m2", "tcp"):
        assert not hears(broken, "m1", "m2", "tcp", port=7946)


def test_a_block_of_one_port_lets_other_ports_and_protocols_through(broken: Lab) -> None:
    broken.break_(BLOCKS["udp port"])

    assert reaches(broken, "m1", "m2", "udp", port=7946)
    assert reaches(broken, "m1", "m2", "tcp", port=4789)


def test_a_block_of_all_silences_everything(broken: Lab) -> None:
    broken.break_(Fault(host="m1", kind="block", options={"to": "m2", "protocol": "all"}))

    heard = [protocol for protocol in ("icmp", "tcp", "udp", "esp") if hears(broken, "m1", "m2", protocol, port=9)]

    assert heard == []


def test_healing_one_block_keeps_the_other(broken: Lab) -> None:
    broken.break_(BLOCKS["udp port"])
    broken.break_(BLOCKS["icmp"])

    broken.heal(BLOCKS["icmp"])

    assert reaches(broken, "m1", "m2", "icmp")
    assert not hears(broken, "m1", "m2", "udp", port=4789)
