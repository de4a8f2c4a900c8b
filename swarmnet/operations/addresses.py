"""Which address of a host goes into a swarm, and which address blocks must not overlap."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.hosts import Host
    from swarmnet.model.state import HostFacts, Route

_DOCKER_DEVICES = ("docker0", "docker_gwbridge", "br-", "veth")
_SPECIAL = {
    "0.0.0.0/8": "a host's address for itself",
    "127.0.0.0/8": "loopback",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "::/127": "loopback",
    "ff00::/8": "multicast",
}
"""Blocks that no container can have an address of (RFC 6890, RFC 5771)."""


def advertise_of(host: Host, facts: HostFacts) -> str:
    """Return the IP literal that the host advertises: as written, or found on the interface that the inventory names.

    Engines accept interface names, but refuse those with several addresses, and fall back to another address on joins
    without an error (moby#30119). So swarmnet always sends an IP literal.

    Raises:
        ValueError: says what to write instead.
    """
    written = host.advertise or host.address
    if _is_ip(written):
        if facts.addresses and ":" not in written and written not in facts.addresses:
            raise ValueError(
                f"{host.name}: {written} is not an address of the host, which has {', '.join(facts.addresses)};"
                " write 'advertise:' with one of these"
            )
        return written
    if host.advertise is None:
        return _only(host, f"the name {host.address} does not say which address is the host's own: it", facts.addresses)
    return _only(host, f"interface {written}", tuple(_on_device(facts, written)))


def data_path_of(host: Host, facts: HostFacts) -> str | None:
    """Return the IP literal for VXLAN, None when it is the advertised one; raises ``ValueError`` as above."""
    if host.data_path is None or _is_ip(host.data_path):
        return host.data_path
    return _only(host, f"interface {host.data_path}", tuple(_on_device(facts, host.data_path)))


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


@lru_cache(maxsize=16384)
def _by_start(prefix: str) -> tuple[int, int, int]:
    version, first, last = _span(prefix)
    return version, first, -last


def _span(prefix: str) -> tuple[int, int, int]:
    """Return version, first and last address, cached: hundreds of blocks are compared with the routes of many hosts."""
    block = ipaddress.ip_network(prefix, strict=False)
    return block.version, int(block.network_address), int(block.broadcast_address)


def few(hosts: list[str]) -> str:
    """Return the first three names, and how many more there are."""
    more = len(hosts) - 3
    return ", ".join(hosts[:3]) + (f" and {more} more" if more > 0 else "")


def own_routes(facts: HostFacts) -> tuple[Route, ...]:
    """Return the host's own routes, without the default route and those of Docker's bridges."""
    bridges = {net.spec.options.get("com.docker.network.bridge.name", "") for net in facts.networks}
    return tuple(
        route
        for route in facts.routes
        if route.prefix not in ("default", "0.0.0.0/0")
        and not route.device.startswith(_DOCKER_DEVICES)
        and route.device not in bridges
    )


def _on_device(facts: HostFacts, device: str) -> Iterator[str]:
    blocks = [ipaddress.ip_network(route.prefix, strict=False) for route in facts.routes if route.device == device]
    for address in facts.addresses:
        if any(ipaddress.ip_address(address) in block for block in blocks if block.prefixlen):
            yield address


def _only(host: Host, where: str, found: tuple[str, ...]) -> str:
    if len(found) == 1:
        return found[0]
    seen = f"has {', '.join(found)}" if found else "has no IPv4 address that is known"
    raise ValueError(f"{host.name}: {where} {seen}; write 'advertise:' or 'data_path:' as one IP address")


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
