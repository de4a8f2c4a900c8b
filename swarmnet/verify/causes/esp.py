"""Why an encrypted overlay carries nothing in one direction, from what both ends saw on the underlay.

Rules missing at the sender: it sends in clear, and the receiver drops that. ESP leaves and does not arrive: something
between drops IP protocol 50. The same ESP arrives from another address: something between translates addresses, which
ESP does not survive (the checksum of what it carries covers them). ESP arrives and nothing is delivered: the receiver's
own firewall, or keys that differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.plural import count
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
        detail=f"the rule that encrypts packets is missing on {names}: they leave unencrypted, and its peers drop them",
        fix=f"restart Docker on {names} (systemctl restart docker) to recreate its rules",
    )


def _counted(counted: list[tuple[Capture, Capture]], left: int, came: int) -> Why:
    sources, targets = (", ".join(sorted({ends[side].host for ends in counted})) for side in (0, 1))
    if not left:
        return Why(
            cause=CauseId.NO_ESP_SENT,
            detail=f"no ESP leaves {sources}: nothing there encrypts what is for these peers",
            fix=f"restart Docker on {sources} (systemctl restart docker) to make its IPsec states again; ip xfrm"
            " state lists one to each peer and one from it",
        )
    foreign = sorted({address for ends in counted for address in _foreign(*ends)})
    if not came and foreign:
        return Why(
            cause=CauseId.TRANSLATED,
            detail=f"ESP leaves {sources}, and arrives at {targets} from {', '.join(foreign)}: something between"
            " translates addresses (NAT), which ESP in transport mode does not survive",
            fix=f"let {sources} and {targets} reach each other without translation: leave UDP 4789 and ESP out of NAT"
            " rules, or advertise addresses of a private network or VPN that all hosts are in",
        )
    if not came:
        return Why(
            cause=CauseId.ESP_BLOCKED,
            detail=f"ESP leaves {sources} ({count(left, 'packet')}) and none of it arrives at {targets}:"
            " something between the"
            " hosts drops it",
            fix=f"allow ESP from {sources} to {targets} in security groups and in the firewalls between them; ESP is"
            " IP protocol"
            " 50, not a port",
        )
    return Why(
        cause=CauseId.ESP_UNDELIVERED,
        detail=f"ESP leaves {sources} ({count(left, 'packet')}) and"
        f" {count(came, 'packet arrives', 'packets arrive')} of it at {targets}, but nothing is"
        " delivered",
        fix=f"allow ESP and what it carries on {targets} (iptables -I INPUT -p esp -j ACCEPT; iptables -I INPUT -p udp"
        " -m policy --dir in --pol ipsec -j ACCEPT); if both are allowed, the hosts' keys differ: compare ip xfrm"
        f" state of {sources} and {targets}, and restart Docker on the one that differs (systemctl restart docker)",
    )


def _foreign(source: Capture, target: Capture) -> frozenset[str]:
    """Return from which other addresses the sender's own ESP came, known by its SPIs."""
    spis = source.sent.esp.get(target.vtep, {}).keys()
    return frozenset(peer for peer, row in target.received.esp.items() if peer != source.vtep and spis & row.keys())
