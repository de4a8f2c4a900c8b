"""Hosts whose kernel has no room for more neighbours: it refuses to send, with an error of its own."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId, Group
from swarmnet.verify.keys import EXCHANGES, outcomes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.verify.patterns import Pair
    from swarmnet.verify.scenario import Answers

LIMITS = {"gc_thresh1": 8192, "gc_thresh2": 49152, "gc_thresh3": 65536}
"""What engines set themselves when their first overlay comes, unless a lower value is set afterwards (libnetwork)."""
SYSCTL = "sysctl -w " + " ".join(f"net.ipv4.neigh.default.{name}={value}" for name, value in LIMITS.items())


def crammed(answers: Answers, networks: Iterable[str]) -> frozenset[str]:
    """Return the hosts whose kernel refused to send, since its table is full (``ENOBUFS``: arp.c, neighbour.c)."""
    names = tuple(networks)
    return frozenset(
        host
        for host in dict.fromkeys(host for host, _ in answers)
        for exchange in EXCHANGES
        for network in names
        for key in (exchange.on(network), exchange.on(network).again)
        if any(
            one.get("errno") == errno.ENOBUFS and not one.get("ok") for one in outcomes(answers, host, key)[0].values()
        )
    )


def touched(full: frozenset[str], pairs: Iterable[Pair]) -> frozenset[Pair]:
    """Return the pairs that such a host explains: it cannot ask, and cannot answer."""
    return frozenset(pair for pair in pairs if set(pair) & full)


def explain(hosts: frozenset[str], lost: dict[str, frozenset[Pair]]) -> tuple[Verdict, ...]:
    """Return one verdict for all such hosts, whatever pairs of whatever networks they take down; none without one."""
    full = sorted(hosts)
    if not full:
        return ()
    names = ", ".join(full)
    pairs = sorted({pair for some in lost.values() for pair in some})
    return (
        Verdict(
            scenario=Group.MATRIX,
            cause=CauseId.NEIGHBOUR_TABLE_FULL,
            subject=f"host{'s' if full[1:] else ''} {names}",
            status=Status.FAILED,
            detail=f"the kernel's neighbour table is full on {names} (No buffer space available): it cannot send to"
            f" more addresses (explains {count(len(pairs), 'failed pair')})",
            fix=f"run this on {names}, and add it to /etc/sysctl.d if another tool sets lower values after the engine:",
            evidence={
                "cause": CauseId.NEIGHBOUR_TABLE_FULL,
                "hosts": [*full],
                "networks": [*sorted(lost)],
                "pairs": [[*pair] for pair in pairs],
                "commands": [SYSCTL],
            },
            broken=frozenset(claims.overlay(name, *pair) for name, some in lost.items() for pair in some),
        ),
    )
