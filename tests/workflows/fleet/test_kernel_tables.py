"""Addresses and routes from the kernel's text."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from swarmnet.workflows.fleet.kernel_tables import FILES, addresses, routes

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


def test_reads_the_tables_of_this_machine() -> None:
    text = "".join(Path(path).read_text(encoding="ascii") for path in FILES)

    assert all(ipaddress.ip_network(route.prefix) for route in routes(text))


@given(st.text())
def test_any_text_gives_addresses_and_routes_or_nothing_but_no_error(text: str) -> None:
    assert all(str(ipaddress.ip_network(route.prefix)) == route.prefix for route in routes(text))
    assert all(str(ipaddress.ip_address(one)) == one for one in addresses(text))
