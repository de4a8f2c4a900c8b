"""Read what this network namespace knows of its neighbours: the kernel's ARP table, and its fixed entries.

Layouts are those of ``linux/neighbour.h``.
"""

from __future__ import annotations

import socket
import struct

from swarmnet.probe import netlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN = "0x0"
"""The flags of an entry without an answer."""


def table() -> Iterator[tuple[str, str, str | None]]:
    """Yield address, device and hardware address of each neighbour that was asked for; None if there was no answer."""
    with open("/proc/net/arp", encoding="ascii") as lines:
        next(lines)
        for words in map(str.split, lines):
            yield words[0], words[-1], None if words[2] == UNKNOWN else words[3]


GET_NEIGHBOUR = 30
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_NDA_DST, _NDA_LLADDR = 1, 2
_PERMANENT = 0x80
"""The state of an entry that an administrator or a program set: kernels neither ask for it again nor drop it."""


def fixed() -> list[dict[str, object]]:
    """Return the permanent entries, IPv4 and IPv6: ``address``, ``device``, and ``mac`` as hex.

    Raises:
        OSError: the kernel does not list them.
    """
    names = {link["index"]: name for name, link in netlink.links().items()}
    found: list[dict[str, object]] = []
    body = _NEIGHBOUR.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    for message in netlink.ask(netlink.ROUTE, GET_NEIGHBOUR, netlink.DUMP, body):
        family, index, state, _, _ = _NEIGHBOUR.unpack_from(message)
        parts = dict(netlink.attributes(message[_NEIGHBOUR.size :]))
        if family in (socket.AF_INET, socket.AF_INET6) and state & _PERMANENT and {_NDA_DST, _NDA_LLADDR} <= {*parts}:
            address, mac = socket.inet_ntop(family, bytes(parts[_NDA_DST])), bytes(parts[_NDA_LLADDR]).hex()
            found.append({"address": address, "device": names.get(index, ""), "mac": mac})
    return found


def known() -> dict[str, bool]:
    """Return the addresses that were asked for, and whether each was answered.

    On an overlay the engine itself answers for containers of other hosts, from what it learned by gossip. An unknown
    address is one that this host has not learned; packets to a known one were sent.
    """
    return {address: hardware is not None for address, _, hardware in table()}
