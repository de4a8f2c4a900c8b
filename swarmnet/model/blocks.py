"""Blocks of addresses: which share addresses, and which no container can have."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SPECIAL = {
    "0.0.0.0/8": "a host's address for itself",
    "127.0.0.0/8": "loopback",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "::/127": "loopback",
    "ff00::/8": "multicast",
}
"""Blocks that no container can have an address of (RFC 6890, RFC 5771)."""


def overlapping(prefix: str, others: Iterable[str]) -> str | None:
    """Return the first of the other blocks that shares an address with ``prefix``."""
    version, first, last = _span(prefix)
    for other in others:
        kind, begin, end = _span(other)
        if kind == version and begin <= last and first <= end:
            return other
    return None


def overlaps(prefixes: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each block that shares addresses with another one, after the widest block that contains it."""
    widest: str | None = None
    # Of two blocks that share an address one contains the other, so in this order they follow each other.
    for one in sorted(prefixes, key=_by_start):
        if widest is not None and overlapping(one, [widest]):
            yield widest, one
        else:
            widest = one


def special(prefix: str) -> str | None:
    """Return what a block is reserved for, or None if containers can use it."""
    met = overlapping(prefix, _SPECIAL)
    return None if met is None else f"{_SPECIAL[met]} ({met})"


def _by_start(prefix: str) -> tuple[int, int, int]:
    version, first, last = _span(prefix)
    return version, first, -last


@lru_cache(maxsize=16384)
def _span(prefix: str) -> tuple[int, int, int]:
    """Return version, first and last address, cached: hundreds of blocks are compared with the routes of many hosts."""
    block = ipaddress.ip_network(prefix, strict=False)
    return block.version, int(block.network_address), int(block.broadcast_address)
