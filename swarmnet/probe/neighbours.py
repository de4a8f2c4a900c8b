"""Read what this network namespace knows of its neighbours: the kernel's ARP table."""

from __future__ import annotations

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


def known() -> dict[str, bool]:
    """Return the addresses that were asked for, and whether each was answered.

    On an overlay the engine itself answers for containers of other hosts, from what it learned by gossip. An unknown
    address is one that this host has not learned; packets to a known one were sent.
    """
    return {address: hardware is not None for address, _, hardware in table()}
