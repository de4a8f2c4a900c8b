"""What was seen at the network devices of hosts between which packets get lost, and may be the reason. Pure.

What certainly drops packets of the swarm is a finding of the scenario ``firewall``. This is for all else: a program
whose text is not known here, or a queue that loses a share. It is named in the findings that nothing else explains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.verify.cards import cards_of
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import kernel_of
from swarmnet.verify.scenarios.hosts.crossings import BRIDGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.report import Verdict
    from swarmnet.verify.cards import Seen
    from swarmnet.verify.scenario import Answers, Setup

LOST = frozenset(
    {
        *(CauseId.UNDERLAY, CauseId.ESP_BLOCKED, CauseId.ESP_UNDELIVERED, CauseId.PARTIAL, CauseId.MTU, CauseId.LOSS),
        *(CauseId.FLOWS_LOST, CauseId.PATH_MTU, CauseId.GOSSIP, CauseId.GOSSIP_TCP, CauseId.GOSSIP_UDP),
        *(CauseId.ORDERS_BLOCKED, CauseId.ADDRESS_UNREACHED, CauseId.SWARM_PORTS, CauseId.NODE_DOWN),
        *(CauseId.INGRESS_BLOCKED, CauseId.INGRESS_OUTSIDE, CauseId.INGRESS_SIDE, CauseId.INGRESS_UNKNOWN),
        *(CauseId.INGRESS_TASK, CauseId.HOST_PORT, CauseId.PORT_CLOSED, CauseId.UPSTREAM_DNS, CauseId.UNREACHED),
        *(CauseId.BALANCE_LOST, CauseId.BALANCE_LOSSY),
    }
)
"""Causes that say where packets get lost, and not what drops them."""
MAY_BE = "; seen, and may be the reason: {0}"
"""What was seen, in a finding that it may explain."""


def suspected(setup: Setup, answers: Answers, verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return the verdicts; those on lost packets that follow from no other name what may drop them."""
    return tuple(_named(setup, answers, one) for one in verdicts)


def _named(setup: Setup, answers: Answers, verdict: Verdict) -> Verdict:
    if verdict.cause not in LOST or verdict.because_of or verdict.status is Status.OK:
        return verdict
    found = {
        (host, one): None for host, way in _ends(verdict) for one in _seen(setup, answers, host) if way in ("", one.way)
    }
    if not found:
        return verdict
    words = "; ".join(f"{one.words} at {one.device} of {host}" for host, one in found)
    first, one = next(iter(found))
    try_first = f"try without what was seen at the card (on {first}: {one.command})"
    return verdict.model_copy(
        update={
            "detail": verdict.detail + MAY_BE.format(words),
            "fix": f"{try_first}; else {verdict.fix}" if verdict.fix else try_first,
            "evidence": {**verdict.evidence, "seen": [f"{host}: {each.words}" for host, each in found]},
        }
    )


def _seen(setup: Setup, answers: Answers, host: str) -> Iterator[Seen]:
    """Yield what sits at the devices that carry the swarm's packets."""
    devices = (kernel_of(answers, host) or {}).get("devices")
    vtep = next((one.vtep for one in setup.observers if one.host == host), "")
    used = {BRIDGE, *([str(devices[vtep])] if isinstance(devices, dict) and vtep in devices else [])}
    for card in cards_of(answers, host):
        if any(card.carries(one) for one in used):
            yield from card.seen


def _ends(verdict: Verdict) -> list[tuple[str, str]]:
    """Return the hosts that a verdict is about, each with the direction that is lost there; empty for both."""
    pairs, hosts = verdict.evidence.get("pairs"), verdict.evidence.get("hosts")
    ways = [pair for pair in pairs if isinstance(pair, list)] if isinstance(pairs, list) else []
    if ways:
        return [(str(host), way) for pair in ways for host, way in zip(pair, ("out", "in"), strict=False)]
    several = [str(one) for one in hosts] if isinstance(hosts, list) else []
    host = verdict.evidence.get("host")
    return [(one, "") for one in (*several, *([host] if isinstance(host, str) else []))]
