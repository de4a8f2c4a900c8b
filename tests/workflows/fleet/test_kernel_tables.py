"""Addresses, routes and open ports from the kernel's text."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.service import Protocol
from swarmnet.model.state import OpenPort
from swarmnet.workflows.fleet.kernel_tables import COMMAND, addresses, read_tables, routes

TABLES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
*\t0000000A\t00000000\t0200\t0\t0\t0\t000000FF\t0\t0\t0
Main:
     +-- 192.0.2.0/24 2 0 2
           |-- 192.0.2.2
              /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
"""


def test_reads_routes_with_their_devices() -> None:
    assert [(route.prefix, route.device) for route in routes(TABLES)] == [
        ("0.0.0.0/0", "eth0"),
        ("192.0.2.0/24", "eth0"),
        ("172.17.0.0/16", "docker0"),
    ]


def test_reads_own_addresses_but_neither_loopback_nor_broadcast() -> None:
    assert addresses(TABLES) == ("192.0.2.2",)


def printed_here() -> str:
    return subprocess.run(COMMAND, capture_output=True, text=True, check=False).stdout


def test_reads_the_tables_of_this_machine() -> None:
    tables = read_tables(printed_here())
    assert tables is not None
    route = Path("/proc/net/route").read_text(encoding="ascii")
    assert tables.routes == routes(route)
    assert all(ipaddress.ip_network(one.prefix) for one in tables.routes)
    assert tables.addresses == addresses(Path("/proc/net/fib_trie").read_text(encoding="ascii"))


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
@pytest.mark.parametrize(("kind", "protocol"), [(socket.SOCK_STREAM, Protocol.TCP), (socket.SOCK_DGRAM, Protocol.UDP)])
def test_a_port_is_open_from_the_moment_that_a_process_waits_at_it(
    family: socket.AddressFamily, address: str, kind: socket.SocketKind, protocol: Protocol
) -> None:
    with socket.socket(family, kind) as server:
        server.bind((address, 0))
        if kind is socket.SOCK_STREAM:
            server.listen()
        port = server.getsockname()[1]
        wanted = OpenPort(port=port, protocol=protocol, uid=os.getuid())
        tables = read_tables(printed_here())
        assert tables is not None
        assert wanted in (tables.open_ports or ())


def test_connections_are_not_printed_and_no_open_ports() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        own = f":{client.getsockname()[1]:04X} "
        assert own in Path("/proc/net/tcp").read_text(encoding="ascii")
        assert own not in printed_here()


SOCKET = (
    "   7: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 86 1 0 100 0 0 10 0"
)


def test_what_is_not_known_of_ports_is_not_taken_for_none() -> None:
    trie = "/proc/net/fib_trie:Local:\n"
    many = "".join(f"/proc/net/tcp:{SOCKET.replace('1F90', f'{port:04X}')}\n" for port in range(1, 1002))
    reported = [read_tables(trie + text) for text in ("", f"/proc/net/tcp:{SOCKET}\n", many)]
    wanted = (OpenPort(port=8080, protocol=Protocol.TCP, uid=999),)
    assert [None if one is None else one.open_ports for one in reported] == [None, wanted, None]
    assert read_tables("") is None


@given(st.text())
def test_any_text_gives_addresses_routes_and_ports_or_nothing_but_no_error(text: str) -> None:
    for name in COMMAND[3:]:
        found = read_tables(f"/proc/net/fib_trie:\n{name}:{text}")
        assert found is not None
        assert all(0 <= one.port <= 65535 for one in found.open_ports or ())
    assert all(str(ipaddress.ip_network(route.prefix)) == route.prefix for route in routes(text))
    assert all(str(ipaddress.ip_address(one)) == one for one in addresses(text))
