"""Who has which address, for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from swarmnet.model.addresses import UseKind
from swarmnet.model.network import HOST_DRIVERS
from swarmnet.model.plural import count
from swarmnet.report.terminal.console import line, table
from swarmnet.report.terminal.plan import failure_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from swarmnet.model.addresses import AddressReport, NetworkAddresses, PoolAddresses
    from swarmnet.report.terminal.console import Line

_PLURAL = {
    UseKind.VIRTUAL: ("virtual address", "virtual addresses"),
    UseKind.TASK: ("task", "tasks"),
    UseKind.CONTAINER: ("container", "containers"),
    UseKind.BALANCER: ("load balancer", "load balancers"),
}


def ipam_lines(report: AddressReport, *, whole: bool) -> Iterator[Line]:
    """Yield a table of networks and one of pools; ``whole`` also lists each address in use."""
    yield from _networks(report.networks)
    for one in report.networks:
        if one.is_full:
            yield line(
                (
                    f"{_name(one)}: {count(one.waiting, 'task waits', 'tasks wait')} for an address, and none is free",
                    "red",
                )
            )
    if whole:
        for one in report.networks:
            yield from _addresses(one)
    yield from _pools(report.pools)
    yield from failure_lines(report.failures)


def _networks(found: Sequence[NetworkAddresses]) -> Iterator[Line]:
    rows = [
        (
            one.network,
            one.host or "(swarm)",
            ", ".join(one.subnets) or _of_hosts(one),
            str(one.used),
            "-" if one.free is None else str(one.free),
            _by(one),
        )
        for one in found
    ]
    if rows:
        yield table(("NETWORK", "HOST", "SUBNETS", "USED", "FREE", "BY"), rows)


def _of_hosts(one: NetworkAddresses) -> str:
    return "each host's own" if one.driver in HOST_DRIVERS and one.host is None else "not allocated"


def _by(one: NetworkAddresses) -> str:
    counted = Counter(use.kind for use in one.uses)
    parts = [f"{counted[kind]} {words[counted[kind] > 1]}" for kind, words in _PLURAL.items() if counted[kind]]
    if one.waiting:
        parts.append(f"{one.waiting} waiting")
    return ", ".join(parts)


def _addresses(one: NetworkAddresses) -> Iterator[Line]:
    yield ""
    yield line((_name(one), "bold"), f" {', '.join(one.subnets)}")
    rows = [(use.address or "(not listed)", use.kind.value, use.who, use.host or "") for use in one.uses]
    yield table(("ADDRESS", "KIND", "WHO", "HOST"), rows)


def _pools(pools: Sequence[PoolAddresses]) -> Iterator[Line]:
    if not pools:
        return
    yield ""
    rows = [
        (one.cidr, one.origin, f"/{one.size}", f"{one.used} of {one.blocks}", one.next or "none is free")
        for one in pools
    ]
    yield table(("POOL", "OF", "SIZE", "BLOCKS USED", "NEXT"), rows)


def _name(one: NetworkAddresses) -> str:
    return f"network {one.network}" + ("" if one.host is None else f" on {one.host}")
