"""A kernel whose table of connections is full drops the packets of new ones, and says so in its own log alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenarios.hosts.kernels import between, failed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

FULL = 0.98
"""Share of the table of connections from which new ones find no room: the kernel removes some that are young first."""

SWARM = ("answers", "esp", "tcp/2377", "tcp/7946", "udp/7946")
"""What hosts send to each other apart from VXLAN, as claims call it."""


def full(scenario: str, setup: Setup, host: str, said: JsonObject) -> Iterable[Verdict]:
    """Yield the failure of a host whose table of connections (``said``: what its kernel knows) is full."""
    table = said.get("connections")
    count, most = (table.get("count"), table.get("most")) if isinstance(table, dict) else (None, None)
    if not isinstance(count, int) or not isinstance(most, int) or most <= 0 or count < FULL * most:
        return
    pairs = {pair for peer in setup.watched if peer != host for pair in ((host, peer), (peer, host))}
    nets = [net.spec.name for net in setup.networks]
    broken = {*between(setup, pairs), *(claims.steady(name, *pair) for name in nets for pair in pairs)}
    broken |= {claims.passage(carrier, *pair) for carrier in SWARM for pair in pairs}
    broken |= {claims.overlay(name, *pair) for name in nets for pair in pairs}
    verdict = failed(
        scenario,
        host,
        (CauseId.CONNECTIONS_FULL, [f"sysctl -w net.netfilter.nf_conntrack_max={max(4 * most, 262144)}"]),
        f"{host} tracks {count} connections, and has room for {most} (nf_conntrack): packets of new ones are"
        " dropped, whatever they are",
        f"find what opens so many on {host} (conntrack -L), and make the table larger, also in /etc/sysctl.d:",
        frozenset(broken),
    )
    evidence: JsonObject = {**verdict.evidence, "pairs": [[*pair] for pair in sorted(pairs)]}
    yield verdict.model_copy(update={"evidence": evidence})
