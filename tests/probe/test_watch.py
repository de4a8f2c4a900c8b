"""What a watch hears of packets to ports on which no program listens; loopback stands for the wire (root, Linux)."""

from __future__ import annotations

import socket

import pytest

from swarmnet.probe import bpf, watch

DATA = 34789


def a_port() -> int:
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        number: int = link.getsockname()[1]
        return number


@pytest.mark.lab
@pytest.mark.parametrize("own", ["127.0.0.1", "::1"])
def test_hears_datagrams_esp_and_connections_without_a_program_and_loses_none_at_the_end(own: str) -> None:
    tcp, udp = a_port(), a_port()
    one = watch.Watch("r1", {"tcp": [tcp], "udp": [udp, DATA], "data": DATA})
    targets = {
        "a": {"address": own, "protocol": "udp", "port": udp},
        "b": {"address": own, "protocol": "udp", "port": DATA},
        "c": {"address": own, "protocol": "esp", "port": 0},
    }

    thrown = watch.throw("r1", {"from": "me", "data": DATA, "targets": targets})
    socket.create_connection((own, tcp)).close()
    reported = one.stop()

    assert thrown["targets"] == {key: {"sent": watch.TIMES, "why": "", "errno": 0} for key in "abc"}
    heard = {kind: {"me": watch.TIMES} for kind in (f"udp/{udp}", f"udp/{DATA}", "esp")}
    assert reported["heard"] == heard
    wire = reported["wire"]
    assert isinstance(wire, dict)
    assert {f"in/syn/{tcp}", f"out/synack/{tcp}", "in/esp", f"in/udp/{DATA}"} <= set(wire)
    assert {address for row in wire.values() for address in row} == {own}
    assert reported["senders"] == {"me": own}


@pytest.mark.lab
def test_a_port_that_a_program_has_is_left_to_it() -> None:
    with socket.create_server(("", 0)) as other:
        port = other.getsockname()[1]
        one = watch.Watch("r1", {"tcp": [port], "udp": [], "data": DATA})
        assert one.stop()["taken"] == [port]


def test_messages_are_read_out_of_what_carries_them() -> None:
    for protocol, port in (("udp", 7946), ("udp", DATA), ("esp", 0)):
        assert watch.message_in(watch.datagram(protocol, port, DATA, {"run": "r1"})) == {"run": "r1"}


def test_a_filter_jumps_forward_and_within_its_lines() -> None:
    doors = bpf.Doors([2377, 7946], [7946], 4789, 1, 2)

    for code in (doors.packets(), doors.bare(watch.UDP)):
        assert all(at + 1 + jump < len(code) for at, line in enumerate(code[:-2]) for jump in line[1:3])
