"""What is in this network namespace, as the kernel's tables say: sockets that listen, routes, counters."""

from __future__ import annotations

import os
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES = (("tcp", "tcp", "0A"), ("tcp6", "tcp", "0A"), ("udp", "udp", "07"), ("udp6", "udp", "07"))
"""File in ``/proc/net``, protocol, and the state of a socket that waits (``TCP_LISTEN``, ``TCP_CLOSE``)."""
RESOLVER = "127.0.0.11"
"""The engine's own: it is in the namespace of every container on a network of the user's."""
_WORD = 8
"""Hex digits of 32 bits, which the kernel writes in the machine's own byte order."""
_MAPPED = bytes(10) + b"\xff\xff"
MOST = 512


def listening(folder: str = "/proc/net") -> dict[str, object]:
    """Return the sockets that wait for clients, each with ``protocol``, ``address`` and ``port``; and ``ipvs``.

    An address is ``*`` where a socket takes whatever comes. ``ipvs`` is whether this kernel can balance.
    Raises ``OSError`` where a table exists and cannot be read.
    """
    found = set()
    for name, protocol, state in TABLES:
        try:
            with open(f"{folder}/{name}", encoding="ascii") as table:
                found |= {entry for line in table for entry in _entry(line.split(), protocol, state)}
        except FileNotFoundError:
            continue  # a kernel without IPv6 has no table of it
    sockets = [{"protocol": one, "address": two, "port": three} for one, two, three in sorted(found)[:MOST]]
    return {"sockets": sockets, "ipvs": os.path.exists(f"{folder}/ip_vs")}


def _entry(words: list[str], protocol: str, state: str) -> list[tuple[str, str, int]]:
    if len(words) < 4 or words[3] != state or ":" not in words[1]:  # noqa: PLR2004 - number, local, remote, state
        return []
    digits, _, port = words[1].rpartition(":")
    local = address(digits)
    return [] if local == RESOLVER else [(protocol, local, int(port, 16))]


def address(digits: str) -> str:
    """Return an address of the table; raises ``ValueError`` when it is none."""
    words = [int(digits[at : at + _WORD], 16).to_bytes(4, sys.byteorder) for at in range(0, len(digits), _WORD)]
    whole = b"".join(words)
    if not any(whole):
        return "*"
    if len(words) == 1 or whole.startswith(_MAPPED):
        return socket.inet_ntoa(whole[-4:])
    return socket.inet_ntop(socket.AF_INET6, whole)


def namespace(folder: str = "/proc/net", resolver: str = "/etc/resolv.conf") -> dict[str, object]:
    """Return what decides where packets of this namespace go: ``routes``, ``resolver``, and the echoes counted so far.

    A route has ``to``, ``via`` (empty on the own link) and ``device``; ``asked`` and ``answered`` are the ICMP echo
    requests and replies that came in (``/proc/net/snmp``), from anywhere.
    """
    asked, answered = _echoes(folder)
    return {"routes": list(_routes(folder)), "resolver": _lines(resolver), "asked": asked, "answered": answered}


def _routes(folder: str) -> Iterator[dict[str, str]]:
    for line in _lines(f"{folder}/route")[1:]:
        words = line.split()
        if len(words) > 7:  # noqa: PLR2004 - device, destination, gateway, five numbers, mask
            length = f"{int(words[7], 16):b}".count("1")
            gateway = address(words[2])
            via = "" if gateway == "*" else gateway
            to = "default" if not length else f"{_dotted(words[1])}/{length}"
            yield {"to": to, "via": via, "device": words[0]}


def _dotted(digits: str) -> str:
    found = address(digits)
    return "0.0.0.0" if found == "*" else found  # noqa: S104 - a destination, not a listener


def _echoes(folder: str) -> tuple[int, int]:
    """Return the second of the two lines of ICMP by the names in the first."""
    lines = [line.split() for line in _lines(f"{folder}/snmp") if line.startswith("Icmp:")]
    if len(lines) < 2:  # noqa: PLR2004 - names, numbers
        return 0, 0
    names, numbers = lines[0], lines[1]
    return int(numbers[names.index("InEchos")]), int(numbers[names.index("InEchoReps")])


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as text:
            return [line.strip() for line in text][:MOST]
    except OSError:
        return []
