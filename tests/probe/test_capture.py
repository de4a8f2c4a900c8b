"""What a capture makes of packets; the packets are built here, byte for byte."""

from __future__ import annotations

import struct

import pytest

from swarmnet.probe.capture import Capture

MARKER = b"a marker that nobody else sends"


def ip(payload: bytes, *, protocol: int = 17, fragment: int = 0) -> bytes:
    source, target = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
    return (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0) + source + target + payload
    )


def vxlan(vni: int, inner: bytes = b"", port: int = 4789) -> bytes:
    return struct.pack("!HHHHII", 40000, port, 16 + len(inner), 0, 0x08000000, vni << 8) + inner


@pytest.fixture
def capture() -> Capture:
    """Return a capture on no device: packets are handed to it."""
    return Capture({"devices": [], "port": 4789, "needles": {"vault": MARKER.hex()}, "ignore": "ffee", "seconds": 1})


def test_esp_is_counted_by_peer_and_spi_in_each_direction(capture: Capture) -> None:
    esp = ip(struct.pack("!II", 0xDEADBEEF, 1) + bytes(32), protocol=50)
    capture.look(esp, capture.sent)
    capture.look(esp, capture.sent)
    capture.look(esp, capture.received)
    reported = capture.stop()
    assert reported["sent"] == {"esp": {"10.0.0.2": {"0xdeadbeef": 2}}, "vxlan": {}, "clear": {}, "fragments": 0}
    assert reported["received"] == {"esp": {"10.0.0.1": {"0xdeadbeef": 1}}, "vxlan": {}, "clear": {}, "fragments": 0}


def test_a_marker_is_seen_at_any_position_and_vxlan_is_counted_by_vni(capture: Capture) -> None:
    capture.look(ip(vxlan(4097, b"in front" + MARKER)), capture.sent)
    capture.look(ip(MARKER, fragment=185), capture.sent)
    capture.look(ip(vxlan(4097, port=53)), capture.sent)
    assert capture.sent.as_json() == {
        "esp": {},
        "vxlan": {"10.0.0.2": {"4097": 1}},
        "clear": {"vault": 2},
        "fragments": 1,
    }


@pytest.mark.parametrize("size", [1, 8, 19, 20, 35])
def test_a_packet_that_ends_early_is_counted_as_nothing(capture: Capture, size: int) -> None:
    capture.look(ip(vxlan(1))[:size], capture.sent)
    assert capture.sent.as_json() == {"esp": {}, "vxlan": {}, "clear": {}, "fragments": 0}


def test_packets_of_the_injection_are_nobodys_traffic(capture: Capture) -> None:
    capture.look(ip(vxlan(4097, b"\xff\xee" + MARKER)), capture.sent)
    assert capture.sent.as_json() == {"esp": {}, "vxlan": {}, "clear": {}, "fragments": 0}
