"""The layer of a trace that is about packets of which some get lost, on a way that works otherwise. Pure.

All other layers try again until something passes. Here nothing is sent twice, in the numbers of verify's own ``loss``,
and its limits decide: a share that any busy host may lose is none, one with which TCP still works is a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.trace import Layer
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenarios.pairs.loss import BROKEN, DEGRADED, FIX, MANY
from swarmnet.verify.tracing.asking import askers, at_addresses, bursts_of, echoes_of
from swarmnet.verify.tracing.closer import LOSS, Lost
from swarmnet.verify.tracing.counted import Loses, arrivals, echoes_to, number, which_loses
from swarmnet.verify.tracing.layers import ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.expectation import Arrow
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Setup

TIMES = ("before", "after")
"""The looks between which a burst was sent."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What a way between two containers loses; both ways are measured, or nothing says which of them loses it."""

    end: End
    other: End
    network: str
    sent: int
    lost: int
    """Packets of the last burst that were not answered."""
    there: float = 0.0
    back: float = 0.0
    either: float = 0.0

    @property
    def worst(self) -> float:
        """The largest of them."""
        return max(self.there, self.back, self.either)

    @property
    def is_lossy(self) -> bool:
        """Whether it loses more than it may: of a burst that was cut short, not one packet or two."""
        return self.worst >= DEGRADED and self.lost >= DEGRADED * MANY

    @property
    def loses(self) -> Loses:
        """Which way loses more than it may."""
        if self.either or min(self.there, self.back) >= DEGRADED:
            return Loses.UNKNOWN
        return Loses.BACK if self.back > self.there else Loses.THERE

    def __str__(self) -> str:
        """Return it as the layer says it."""
        lost = Lost.between(LOSS, self.end, self.other, self.network, self.loses)
        one_way = f"{lost.source} -> {lost.target or '?'} on {self.network}"
        address, of = self.other.addresses.get(self.network, ""), f"({self.sent} were sent)"
        if self.loses is Loses.THERE:
            return f"{one_way}: {self.there:.0%} of the packets to {address} get lost {of}"
        if self.loses is Loses.BACK:
            return f"{one_way}: {self.back:.0%} of the answers from {address} get lost {of}"
        both = f"{' and '.join(sorted((lost.source, lost.target or '?')))} on {self.network}"
        if self.either:
            return f"{both}: {self.either:.0%} get no answer from {address} {of}: both ways lose some, or one of them"
        return f"{both}: {self.there:.0%} of the packets to {address} get lost {of}, and {self.back:.0%} of the answers"


def steady(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> Layer:
    """Return whether single packets get lost to a container of the target, or on the way back; the worst of them."""
    found = list(_measured(setup, answers, arrow, end))
    if not found:
        return Layer(name=LOSS, status=Status.SKIPPED, detail="no echo comes back, so loss was not measured")
    worst = max(found, key=lambda one: (one.is_lossy, one.worst))
    if not worst.is_lossy:
        lost = max(one.lost for one in found)
        most = f"at most {lost}" if lost else "none"
        return ok(LOSS, f"of {count(min(one.sent for one in found), 'packet')} to each address, {most} got lost")
    way = Lost.between(LOSS, end, worst.other, worst.network, worst.loses)
    return Layer(
        name=LOSS,
        status=Status.FAILED if worst.worst >= BROKEN else Status.WARNING,
        detail=str(worst),
        cause=CauseId.LOSS,
        fix=FIX,
        evidence={**way.evidence(), "rate": round(worst.worst, 3)},
    )


def _measured(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> Iterator[Shares]:
    """Yield what is lost to each address of the target whose echoes came back."""
    echoed, bursts = (outcomes(answers, end.host, key(end))[0] for key in (echoes_of, bursts_of))
    for one in {each.name: each for each in at_addresses(setup, answers, arrow, end)}.values():
        burst = bursts.get(one.name)
        if one.end is not None and number(burst, "sent") and echoed.get(one.name, {}).get("ok") is True:
            sent = number(burst, "sent")
            way = Shares(end, one.end, one.network, sent, max(0, sent - number(burst, "came")))
            yield _shares(answers, askers(setup, arrow), way)


def _shares(answers: Answers, asking: tuple[End, ...], way: Shares) -> Shares:
    """Return how much each direction of a way loses: what the other end counted is of all askers together."""
    share = way.lost / way.sent
    mine, total = echoes_to(answers, way.other, (way.end,)), echoes_to(answers, way.other, asking)
    loses, arrived = which_loses(answers, way.other, total, TIMES), arrivals(answers, way.other, TIMES)
    if share >= DEGRADED and loses is Loses.THERE:
        return replace(way, there=share)
    if share >= DEGRADED and loses is Loses.BACK:
        return replace(way, back=share)
    if share < DEGRADED or arrived is None or mine.lost < total.lost:
        return replace(way, either=share)
    there = min(mine.lost, max(0, total.sent - arrived))
    return replace(way, there=there / mine.sent, back=(mine.lost - there) / max(1, mine.sent - there))
