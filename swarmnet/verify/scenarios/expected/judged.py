"""How one expectation is judged: allowed ports must all answer, denied ones must not, and silence needs a control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.verify.ends import HOST_NETWORK, joining
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenarios.expected.asked import ARRIVED, OPEN, REACHED
from swarmnet.verify.scenarios.expected.explained import ORDER, Reason, reason_of, udp_advice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.base import JsonObject
    from swarmnet.model.expectation import Arrow, Door
    from swarmnet.model.report import Claim, Verdict
    from swarmnet.verify.scenario import Answers, Scenario, Setup
    from swarmnet.verify.scenarios.expected.asked import Outcome

SHOWN = 20
"""Attempts in the evidence of one verdict."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What one expectation comes to."""

    status: Status
    detail: str
    seen: str
    """For the matrix: open, closed, unknown, or the cause's id."""
    cause: CauseId | None = None
    fix: str | None = None
    needed: tuple[frozenset[Claim], ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    def as_verdict(self, scenario: Scenario, subject: str) -> Verdict:
        """Return it as a verdict of a scenario."""
        made = scenario.verdict(subject, self.status, self.detail, self.fix, cause=self.cause)
        evidence: JsonObject = {**made.evidence, "attempts": [one.as_json() for one in self.outcomes[:SHOWN]]}
        return made.model_copy(update={"evidence": evidence, "needed": self.needed})


def judged_allowed(setup: Setup, answers: Answers, arrow: Arrow, outcomes: Sequence[Outcome]) -> Judged:
    """Return whether all that must answer did."""
    mine = tuple(outcomes)
    bad = [(one, _reason(setup, answers, arrow, one)) for one in mine if one.seen not in (OPEN, ARRIVED, None)]
    proved = [(one, why) for one, why in bad if why.cause is not None]
    proved = [pair for pair in proved if not _follows(pair, mine)] or proved
    if proved:
        proved.sort(key=lambda pair: ORDER.index(pair[1].cause) if pair[1].cause in ORDER else len(ORDER))
        first, reason = proved[0]
        same = sorted({str(one.asker) for one, why in proved if why.cause is reason.cause})
        more = f"; {len(proved)} of {len(mine)} attempts fail" if proved[1:] else ""
        return Judged(
            Status.FAILED,
            f"asked from {_some(same)}: {reason.words}{more}",
            str(reason.cause),
            reason.cause,
            reason.fix,
            tuple(why.needed for _, why in proved),
            (first, *(one for one in mine if one is not first)),
        )
    unasked = [one for one in mine if one.seen is None]
    if bad or unasked:
        why = bad[0][1].words if bad else f"{unasked[0].asker} could not be asked: {unasked[0].why}"
        return Judged(Status.INCONCLUSIVE, why, "unknown", fix=bad[0][1].fix if bad else None, outcomes=mine)
    askers = {(one.asker.host, one.asker.name) for one in mine}
    places = {one.target.name for one in mine}
    counted = all(one.seen == ARRIVED for one in mine)
    how = "datagrams arrive, from" if counted else "opens from"
    detail = (
        f"{how} {count(len(askers), 'container')}, by {count(len(places), 'name or address', 'names and addresses')}"
    )
    return Judged(Status.OK, detail, "open", outcomes=mine)


def _reason(setup: Setup, answers: Answers, arrow: Arrow, outcome: Outcome) -> Reason:
    """Return why an allowed port does not answer; without a common network, that is why."""
    target = outcome.target
    if target.end is None or target.network or HOST_NETWORK in target.end.addresses:
        return reason_of(setup, answers, outcome)
    places = [f"{one.party}: {', '.join(sorted(one.addresses)) or 'none'}" for one in (outcome.asker, target.end)]
    return Reason(
        CauseId.NO_SHARED_NETWORK,
        f"they have no network in common ({'; '.join(places)})",
        joining(arrow, target.end.addresses),
    )


def _follows(pair: tuple[Outcome, Reason], mine: Sequence[Outcome]) -> bool:
    """Return whether a virtual address fails as all addresses behind it do: then no balancer is to blame."""
    one, reason = pair
    behind = [
        each.seen
        for each in mine
        if each.asker == one.asker and each.target.end is not None and each.target.door == one.target.door
    ]
    return reason.cause is CauseId.VIP and bool(behind) and OPEN not in behind


def judged_denied(setup: Setup, arrow: Arrow, outcomes: Sequence[Outcome], own: Sequence[Outcome]) -> Judged:
    """Return whether nothing that must not answer did, and whether the same answered where it must.

    Args:
        setup: what was tested.
        arrow: what is denied.
        outcomes: what the source tried.
        own: what containers of the target tried of their own party.
    """
    mine = tuple(outcomes)
    if opened := [one for one in mine if one.seen in REACHED]:
        return _not_allowed(setup, arrow, opened, mine)
    answering = {one.target.label for one in own if one.seen in REACHED}
    at_addresses = [one for one in mine if one.target.end is not None]
    proved = [one for one in at_addresses if one.seen is not None and one.target.label in answering]
    unasked = [one for one in mine if one.seen is None]
    if unasked:
        why = f"{unasked[0].asker} could not be asked: {unasked[0].why}"
        return Judged(Status.INCONCLUSIVE, why, "unknown", outcomes=mine)
    shown = {one.target.door for one in proved}
    unproved = [door for door in arrow.doors if door not in shown]
    if unproved or not proved:
        return _unproved(arrow, unproved, mine)
    askers = {(one.asker.host, one.asker.name) for one in mine}
    doors = ", ".join(dict.fromkeys(str(one.target.door) for one in proved))
    addresses = {one.target.name for one in proved}
    detail = (
        f"{doors} opens neither by name nor at {count(len(addresses), 'address', 'addresses')},"
        f" asked from {count(len(askers), 'container')};"
        f" the same answers containers of {arrow.target}"
    )
    return Judged(Status.OK, detail, "closed", outcomes=mine)


def _unproved(arrow: Arrow, doors: list[Door], mine: tuple[Outcome, ...]) -> Judged:
    """Return what a denial comes to whose ports do not answer where they must: silence is not a proof."""
    silent = ", ".join(map(str, doors))
    where = f"on {silent} " if silent else ""
    detail = f"nothing opens, but {arrow.target} does not answer its own containers {where}either: that proves nothing"
    fix = f"see what listens there: swarmnet trace {arrow.target}"
    if any(door.protocol == "udp" for door in doors):
        fix = f"{udp_advice(str(arrow.target))}; {fix}"
    return Judged(Status.INCONCLUSIVE, detail, "unknown", fix=fix, outcomes=mine)


def _not_allowed(setup: Setup, arrow: Arrow, opened: list[Outcome], mine: tuple[Outcome, ...]) -> Judged:
    first = next((one for one in opened if one.target.end is not None), opened[0])
    end = first.target.end
    common = sorted({*first.asker.addresses} & {*end.addresses}) if end is not None else []
    both = f": both are on {', '.join(_written(setup, name) for name in common)}" if common else ""
    doors = ", ".join(dict.fromkeys(str(one.target.door) for one in opened))
    return Judged(
        Status.FAILED,
        f"{doors} of {arrow.target} opens ({first.target.label}, asked from {first.asker}), and nothing allows it"
        f"{both}",
        "open",
        CauseId.NOT_ALLOWED,
        f"{'take one of them off' if common else 'close that way'}, or allow '{arrow.source} -> {arrow.target}:"
        f" {doors}'",
        outcomes=(first, *(one for one in mine if one is not first)),
    )


def _written(setup: Setup, network: str) -> str:
    """Return a network's name, and whether swarmnet did not make it."""
    found = setup.state.network(network)
    is_ours = found is None or MANAGED_LABEL in found.spec.labels
    return network if is_ours else f"{network} (not made by swarmnet)"


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
