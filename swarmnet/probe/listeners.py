"""What listens in this network namespace, as the kernel's tables say, whatever program it is."""

from __future__ import annotations

import os
import socket
import sys

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
    """
    found = set()
    for name, protocol, state in TABLES:
        try:
            with open(f"{folder}/{name}", encoding="ascii") as table:
                found |= {entry for line in table for entry in _entry(line.split(), protocol, state)}
        except OSError:
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
