"""Choose blocks of addresses for networks with ``subnet: auto``, out of the pools of the inventory. Pure.

The first block that nothing uses is taken, so the same cluster gives the same choice. A network that exists keeps its
blocks, whatever the pools are.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.operations.addresses import own_routes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.hosts import AddressPool
    from swarmnet.model.state import ClusterState

AUTO = re.compile(r"auto(?:/(?P<size>[0-9]{1,3}))?")
AutoSubnet = Annotated[str, Field(pattern=rf"^(?:{AUTO.pattern.replace('?P<size>', '?:')})$")]
"""``auto``, or ``auto/26`` for blocks of another size than the pool's."""

Span = tuple[int, int]
"""The first and the last address of a block."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A block that something uses, and what."""

    block: str
    by: str


def taken_blocks(state: ClusterState, coming: Iterable[NetworkSpec], name: str) -> Iterator[Taken]:
    """Yield what a new block must not overlap: networks of the swarm and of all hosts, routes, and other steps' blocks.

    Args:
        state: of the whole cluster.
        coming: networks that steps of the playbook describe.
        name: the network that the block is for; what it has itself does not count.
    """
    for net in state.networks:
        if net.spec.name != name:
            yield from _of(net.spec, f"network {net.spec.name}")
    for facts in state.hosts:
        for net in facts.networks:
            yield from _of(net.spec, f"network {net.spec.name} on {facts.host}")
        for route in own_routes(facts):
            yield Taken(route.prefix, f"the route on {route.device} of {facts.host}")
    for spec in coming:
        if spec.name != name:
            yield from _of(spec, f"the step of network {spec.name}")


def free_block(pools: Iterable[AddressPool], taken: Iterable[Taken], auto: str, version: int = 4) -> Subnet | None:
    """Return the first block of the pools of an IP version that overlaps nothing, or None."""
    match = AUTO.fullmatch(auto)
    size = int(match["size"]) if match is not None and match["size"] else None
    used = sorted(_spans(taken, version))
    for pool in pools:
        whole = ipaddress.ip_network(pool.cidr)
        length = size or pool.size
        if whole.version == version and whole.prefixlen <= length <= whole.max_prefixlen:
            start = _first_free(_span(whole), 1 << (whole.max_prefixlen - length), used)
            if start is not None:
                return Subnet(subnet=f"{ipaddress.ip_address(start)}/{length}" if version == 4 else _six(start, length))  # noqa: PLR2004
    return None


def shortage(pools: tuple[AddressPool, ...], taken: Iterable[Taken], auto: str) -> str:
    """Return why no block is free, with what has the addresses of each pool."""
    used = tuple(taken)
    sizes = ", ".join(f"{pool.cidr} in blocks of /{pool.size}" for pool in pools)
    met = [one.by for one in used if any(_meet(one.block, pool.cidr) for pool in pools)]
    users = "; ".join(dict.fromkeys(met[:5])) + (f" and {len(met) - 5} more" if len(met) > 5 else "")  # noqa: PLR2004
    return f"subnet {auto}: no block is free in the pools ({sizes}); they are used by {users or 'nothing'}"


def _six(start: int, length: int) -> str:
    return f"{ipaddress.IPv6Address(start)}/{length}"


def _first_free(pool: Span, count: int, used: list[Span]) -> int | None:
    """Return the first start of ``count`` aligned addresses in a pool that no span of the sorted list meets."""
    start = pool[0]
    for first, last in used:
        if last < start:
            continue
        if first >= start + count:
            break
        start = -(-(last + 1) // count) * count
    return start if start + count - 1 <= pool[1] else None


def _spans(taken: Iterable[Taken], version: int) -> Iterator[Span]:
    for one in taken:
        block = ipaddress.ip_network(one.block, strict=False)
        if block.version == version:
            yield _span(block)


def _span(block: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Span:
    return int(block.network_address), int(block.broadcast_address)


def _meet(one: str, two: str) -> bool:
    first, second = ipaddress.ip_network(one, strict=False), ipaddress.ip_network(two)
    return first.version == second.version and first.overlaps(second)


def _of(spec: NetworkSpec, by: str) -> Iterator[Taken]:
    yield from (Taken(block.subnet, by) for block in spec.subnets)
