"""What this network namespace knows of its neighbours: the kernel's ARP table."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN = "0x0"
"""The flags of an entry that nobody has answered for."""


def table() -> Iterator[tuple[str, str, str | None]]:
    """Yield address, device and hardware address of each neighbour that was asked for; None where nobody answered."""
    with open("/proc/net/arp", encoding="ascii") as lines:
        next(lines)
        for words in map(str.split, lines):
            yield words[0], words[-1], None if words[2] == UNKNOWN else words[3]


def known() -> dict[str, bool]:
    """Return the addresses that were asked for, and whether somebody answered for each.

    On an overlay the engine itself answers, out of what gossip told it, for containers of other hosts: an address that
    is not known is one that this host has not learned, and packets to a known one were sent.
    """
    return {address: hardware is not None for address, _, hardware in table()}
