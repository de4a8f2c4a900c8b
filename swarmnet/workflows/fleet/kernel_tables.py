"""Read addresses, routes and open ports of a host from the kernel's own tables, which every Linux host has.

Formats are those of ``net/ipv4/fib_trie.c`` (``/proc/net/route``: one route a line, words in hex in the byte order of
the host, little-endian on all that run Docker but s390x; ``/proc/net/fib_trie``: leaves as ``|-- ADDRESS`` followed by
``/32 host LOCAL``), the same from kernel 2.6.39 to 6.18, and of proc_net_tcp.rst (``/proc/net/tcp`` and its siblings).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.service import Protocol
from swarmnet.model.state import OpenPort, Route

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ROUTES, _TRIE = "/proc/net/route", "/proc/net/fib_trie"
_SOCKETS = {
    "/proc/net/tcp": Protocol.TCP,
    "/proc/net/udp": Protocol.UDP,
    "/proc/net/tcp6": Protocol.TCP,
    "/proc/net/udp6": Protocol.UDP,
}
# Lines without a colon are those of routes. Of sockets, 0A is one that listens, 07 a datagram socket without a peer:
# a busy host has a hundred thousand others.
_LINES = "^[^:]*$|^ *[0-9]+: [0-9A-F]+:[0-9A-F]+ [0-9A-F]+:0000 (0A|07) "
COMMAND = ("grep", "-E", _LINES, _ROUTES, _TRIE, *_SOCKETS)
"""Prints the tables for :func:`read_tables`, each line after the name of its file.

Exits with 2 if a file is missing, as those of IPv6 are where it is disabled, and still prints the others.
"""

_ROUTE = re.compile(
    r"^(?P<device>\S+)\t(?P<prefix>[0-9A-F]{8})\t[0-9A-F]{8}\t(?P<flags>[0-9A-F]{4})(?:\t\d+){3}\t(?P<mask>[0-9A-F]{8})\t"
)
_LEAF = re.compile(r"^ *\|-- (\S+)$")
_SOCKET = re.compile(r"^ *\d+: [0-9A-F]+:(?P<port>[0-9A-F]{4}) \S+ (?:0A|07) \S+ \S+ \S+ +(?P<uid>\d{1,10}) ")
_MOST_PORTS = 1000
"""Open ports of one host. No host has more, except for the own ports of a busy resolver."""
_UP = 1
"""``RTF_UP`` of ``linux/route.h``; unreachable and prohibited routes have no device and are listed as ``*``."""


@dataclass(frozen=True, slots=True)
class Tables:
    """What the kernel of a host reports."""

    addresses: tuple[str, ...]
    routes: tuple[Route, ...]
    open_ports: tuple[OpenPort, ...] | None


def read_tables(printed: str) -> Tables | None:
    """Return what :data:`COMMAND` printed, None if it has no routes: the host does not run Linux."""
    files: dict[str, list[str]] = {}
    for line in printed.splitlines():
        name, _, content = line.partition(":")
        files.setdefault(name, []).append(content)
    if _TRIE not in files:
        return None
    return Tables(addresses("\n".join(files[_TRIE])), routes("\n".join(files.get(_ROUTES, ()))), open_ports(files))


def open_ports(files: Mapping[str, Sequence[str]]) -> tuple[OpenPort, ...] | None:
    """Return the open ports, sorted, each once; None when no table of sockets was printed, or far too many ports."""
    if not any(name in files for name in _SOCKETS):
        return None
    found: dict[tuple[int, Protocol], OpenPort] = {}
    for name, protocol in _SOCKETS.items():
        for match in filter(None, map(_SOCKET.match, files.get(name, ()))):
            port = int(match["port"], 16)
            found.setdefault((port, protocol), OpenPort(port=port, protocol=protocol, uid=int(match["uid"])))
    return tuple(found[key] for key in sorted(found)) if len(found) <= _MOST_PORTS else None


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
