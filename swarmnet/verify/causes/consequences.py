"""Which verdicts are causes, and which only follow from them: a pure step after all scenarios judged.

Every verdict may say what it proved to be ``broken``, and for each thing that failed what that ``needed``. A verdict
follows from others when each of its failures needed something that another verdict proved broken. One failure that no
other verdict explains keeps it a cause of its own, so a cause hides nothing that it does not touch. A failure never
follows from what was not proved (an inconclusive cause). No verdict disappears. A warning becomes a failure where what
it breaks certainly is what a failure needed; no other verdict changes its status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Cause, Status
from swarmnet.verify.claims import CERTAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from swarmnet.model.report import Verdict

ORDER = (Status.FAILED, Status.INCONCLUSIVE, Status.WARNING, Status.OK, Status.SKIPPED)
"""Worst first."""
STRENGTH = {Status.FAILED: 0, Status.INCONCLUSIVE: 1, Status.WARNING: 2}
"""What is not well: a cause is at least as bad as what follows from it."""

Links = dict[int, list[frozenset[int]]]
"""Position of a verdict to, for each of its failures, the verdicts that explain it."""


def traced(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return all verdicts, worst first and causes before consequences, each with the causes that it follows from."""
    given = sorted(_raised([*verdicts]), key=lambda one: (ORDER.index(one.status), -_weight(one)))
    roots = _roots(_links(given))
    order = sorted(range(len(given)), key=lambda at: (ORDER.index(given[at].status), at in roots))
    place = {at: number for number, at in enumerate(order)}
    return tuple(
        given[at].model_copy(
            update={
                "because_of": tuple(
                    Cause(
                        verdict=place[root],
                        scenario=given[root].scenario,
                        subject=given[root].subject,
                        cause=given[root].cause,
                    )
                    for root in sorted(roots.get(at, ()), key=place.__getitem__)
                )
            }
        )
        for at in order
    )


def _raised(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts; a warning is a failure where something failed that needed what it certainly breaks."""
    hurt = {place for one in verdicts if one.status is Status.FAILED for places in one.needed for place in places}
    return [
        one.model_copy(update={"status": Status.FAILED})
        if one.status is Status.WARNING and any(place[0] in CERTAIN for place in one.broken & hurt)
        else one
        for one in verdicts
    ]


def _links(verdicts: Sequence[Verdict]) -> Links:
    """Return the verdicts whose every failure is explained by others, with those."""
    found = {}
    for at, one in enumerate(verdicts):
        explained = [
            frozenset(
                number
                for number, other in enumerate(verdicts)
                if number != at and other.broken & places and _may_explain(other, one)
            )
            for places in one.needed
        ]
        if explained and all(explained):
            found[at] = explained
    return found


def _may_explain(cause: Verdict, other: Verdict) -> bool:
    if cause.status not in STRENGTH or other.status not in STRENGTH:
        return False
    return STRENGTH[cause.status] <= STRENGTH[other.status]


def _roots(links: Links) -> dict[int, frozenset[int]]:
    """Return each consequence with the causes at the end of its links.

    Verdicts that explain only each other have no cause among the others: the first of them is theirs.
    """
    settled: dict[int, frozenset[int]] = {}
    waiting = dict(links)
    while waiting:
        ready = [at for at, failures in waiting.items() if all(one - waiting.keys() for one in failures)]
        for at in ready:
            known = frozenset[int]().union(*links[at]) - waiting.keys()
            settled[at] = frozenset[int]().union(*(settled.get(one, frozenset((one,))) for one in known))
        for at in ready or [min(waiting)]:
            del waiting[at]
    return settled


def _weight(verdict: Verdict) -> int:
    pairs = verdict.evidence.get("pairs")
    return len(pairs) if isinstance(pairs, list) else 0
