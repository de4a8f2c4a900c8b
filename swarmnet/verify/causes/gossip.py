"""Whether a host has learned where its peers' containers are: engines exchange that by gossip, on port 7946.

A host that does not know of a container sends nothing to it, so its silence proves nothing about the way there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.verify.keys import NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.verify.patterns import Pair, Reach
    from swarmnet.verify.scenario import Answers, Setup

PORT = 7946


def unlearned(setup: Setup, answers: Answers, names: Iterable[str], pairs: Iterable[Pair]) -> frozenset[Pair]:
    """Return the pairs whose first host does not know the second one's address, on any of these networks."""
    wanted = tuple(names)
    addresses = {probe.host: probe.addresses for probe in setup.ready}

    def is_unknown(pair: Pair, name: str) -> bool:
        known = NEIGHBOURS.read(answers, pair[0])
        return known is not None and known.get(addresses.get(pair[1], {}).get(name, "")) is False

    return frozenset(pair for pair in pairs if all(is_unknown(pair, name) for name in wanted))


def fix(reach: Reach, way: str) -> str:
    """Return what to do about hosts that do not learn each other's addresses."""
    odd = f"the engine of {reach.hosts[0]}" if len(reach.hosts) == 1 else "their engines, managers one by one"
    return (
        f"open {PORT} tcp and udp {way}, over which engines exchange addresses; if it is open, restart {odd}"
        " (systemctl restart docker): an engine that left a swarm together with others may keep that swarm's keys"
        " (seen on"
        " 20.10 and 26.1; its log says: No installed keys could decrypt the message)"
    )
