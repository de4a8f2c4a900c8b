"""Addresses and routes of a host from the kernel's own IPv4 tables, which every Linux host has, iproute2 or not.

Formats are those of ``net/ipv4/fib_trie.c`` (``/proc/net/route``: one route a line, words in hex in the byte order of
the host, little-endian on all that run Docker but s390x; ``/proc/net/fib_trie``: leaves as ``|-- ADDRESS`` followed by
``/32 host LOCAL``), the same from kernel 2.6.39 to 6.18.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from swarmnet.model.state import Route

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = ("/proc/net/route", "/proc/net/fib_trie")
"""What to print one after the other, for the functions here to read."""

_ROUTE = re.compile(
    r"^(?P<device>\S+)\t(?P<prefix>[0-9A-F]{8})\t[0-9A-F]{8}\t(?P<flags>[0-9A-F]{4})(?:\t\d+){3}\t(?P<mask>[0-9A-F]{8})\t"
)
_LEAF = re.compile(r"^ *\|-- (\S+)$")
_UP = 1
"""``RTF_UP`` of ``linux/route.h``; unreachable and prohibited routes have no device and stand there as ``*``."""


def routes(tables: str) -> tuple[Route, ...]:
    """Return the routes of the main table, the default route as ``0.0.0.0/0``."""
    found: dict[tuple[str, str], Route] = {}
    for line in tables.splitlines():
        match = _ROUTE.match(line)
        if match is None or not int(match["flags"], 16) & _UP:
            continue
        prefix = f"{_dotted(match['prefix'])}/{_dotted(match['mask'])}"
        text = ipaddress.ip_network(prefix, strict=False).compressed
        found[text, match["device"]] = Route(prefix=text, device=match["device"])
    return tuple(found.values())


def addresses(tables: str) -> tuple[str, ...]:
    """Return the host's own addresses without those of the loopback, sorted."""
    found = {address for address in map(ipaddress.IPv4Address, _local(tables)) if not address.is_loopback}
    return tuple(str(address) for address in sorted(found))


def _local(tables: str) -> Iterator[str]:
    leaf = ""
    for line in tables.splitlines():
        if match := _LEAF.match(line):
            leaf = match[1]
        elif leaf and line.strip() == "/32 host LOCAL":
            yield leaf


def _dotted(word: str) -> str:
    return str(ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(word), "little")))
