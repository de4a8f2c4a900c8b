"""Why an encrypted overlay carries nothing in one direction, from what both ends saw on the underlay.

Rules missing at the sender: it sends in clear, and the receiver drops that. ESP leaves and does not arrive: something
between drops IP protocol 50. ESP arrives and nothing is delivered: the receiver's own firewall, or keys that differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.verify.captures import Capture, capture_of, encrypted, observed_probes
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenarios.encryption.rules import missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.verify.patterns import Pair
    from swarmnet.verify.scenario import Answers, Setup


@dataclass(frozen=True, slots=True)
class Why:
    """One cause, as the parts of a verdict."""

    cause: CauseId
    detail: str
    fix: str


def apart(setup: Setup, answers: Answers, pairs: frozenset[Pair]) -> tuple[frozenset[Pair], ...]:
    """Return blocked directions whose sender lost its rules apart from all others: two causes, whatever their shape."""
    able = {probe.host for probe in observed_probes(setup)}
    flushed = {host for host in able if any(missing(setup, answers, host, net) for net in encrypted(setup))}
    bare = frozenset(pair for pair in pairs if pair[0] in flushed)
    return tuple(part for part in (bare, pairs - bare) if part)


def why_blocked(setup: Setup, answers: Answers, pairs: Iterable[Pair]) -> Why | None:
    """Return why nothing on encrypted overlays arrives in these directions; None where that was not looked at."""
    able = {probe.host for probe in observed_probes(setup)}
    seen = sorted(pair for pair in pairs if set(pair) <= able)
    sources = sorted({source for source, _ in seen})
    flushed = [host for host in sources if any(missing(setup, answers, host, net) for net in encrypted(setup))]
    if flushed and flushed == sources:
        return _flushed(flushed)
    counted = [
        (capture_of(setup, answers, source), capture_of(setup, answers, target))
        for source, target in seen
        if source not in flushed
    ]
    if not counted or any(one.problem for ends in counted for one in ends):
        return None
    left = sum(source.sent.esp_with(target.vtep) for source, target in counted)
    came = sum(target.received.esp_with(source.vtep) for source, target in counted)
    return _counted(counted, left, came)


def _flushed(hosts: list[str]) -> Why:
    names = ", ".join(hosts)
    return Why(
        cause=CauseId.RULES_FLUSHED,
        detail=f"the rule that encrypts is gone on {names}: what it sends leaves in clear, and its peers drop that",
        fix=f"restart the engine of {names} (systemctl restart docker), which sets its rules anew",
    )


def _counted(counted: list[tuple[Capture, Capture]], left: int, came: int) -> Why:
    sources, targets = (", ".join(sorted({ends[side].host for ends in counted})) for side in (0, 1))
    if not left:
        return Why(
            cause=CauseId.NO_ESP_SENT,
            detail=f"no ESP leaves {sources}: the kernel has no IPsec state for it",
            fix=f"see scenario ipsec; restart the engine of {sources} (systemctl restart docker)",
        )
    if not came:
        return Why(
            cause=CauseId.ESP_BLOCKED,
            detail=f"ESP leaves {sources} ({left} packets) and none of it arrives at {targets}: it is blocked between",
            fix=f"allow ESP (IP protocol 50, which is no port) from {sources} to {targets} in security groups and"
            " firewalls between",
        )
    return Why(
        cause=CauseId.ESP_UNDELIVERED,
        detail=f"ESP leaves {sources} ({left} packets) and {came} packets of it arrive at {targets}, but nothing is"
        " delivered",
        fix=f"allow ESP and what it carries into {targets} itself (iptables -I INPUT -p esp -j ACCEPT; iptables"
        " -I INPUT -p udp -m policy --dir in --pol ipsec -j ACCEPT); if it is, their keys differ: see scenario ipsec",
    )
