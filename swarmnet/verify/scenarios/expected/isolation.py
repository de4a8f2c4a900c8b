"""Scenario: services reach each other where a playbook allows it, and nowhere else.

A denied port counts as closed only where the same port, at the same address, answered another container of its own
service: silence of what is not there proves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status
from swarmnet.model.verification import ExpectedCell, ExpectedMatrix, Level, Wanted
from swarmnet.verify import claims
from swarmnet.verify.ends import HOST_NETWORK, has_names
from swarmnet.verify.idle import idle
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import Answers, Findings, Scenario, in_steps
from swarmnet.verify.scenarios.expected import counted
from swarmnet.verify.scenarios.expected.asked import (
    Target,
    ask_listening,
    ask_open,
    can_ask,
    check_at,
    doors_of,
    ends_named,
)
from swarmnet.verify.scenarios.expected.judged import Judged, judged_allowed, judged_denied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.expectation import Arrow, Door, Expectations
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Question, Setup

CONTROL = "control"
"""What each party is asked of itself: a denial is proved by what answers there."""


class Isolation(Scenario):
    """Every written pair of services and containers, and those of the rest."""

    name: ClassVar[str] = "isolation"
    summary: ClassVar[str] = "your services reach each other where the playbook allows it, and nowhere else"
    level: ClassVar[Level] = Level.QUICK
    needs_probes: ClassVar[bool] = False
    needs_networks: ClassVar[bool] = False
    needs_ends: ClassVar[bool] = True

    def is_expected(self, expected: Expectations) -> bool:
        """Return whether anything is said of two parties."""
        return bool(expected.between())

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask what listens; open all that is allowed or denied, and each party's own ports; count what arrives."""
        parties = dict.fromkeys(name for arrow in _arrows(setup) for name in arrow.pair)
        ends = [end for name in parties for end in ends_named(setup, name)]
        return in_steps(
            answers,
            lambda: [
                *ask_listening(ends),
                *counted.begin(setup, (one for end in ends if can_ask(end) for one in _tried(setup, answers, end))),
            ],
            lambda: [
                question
                for end in ends
                for question in (
                    *ask_open(end, self.name, [target for _, target in _targets(setup, answers, end)]),
                    *ask_open(end, CONTROL, list(controls(setup, answers, end))),
                )
            ],
            lambda: counted.collect(
                setup,
                answers,
                (
                    (end, scenario, target)
                    for end in ends
                    for scenario, several in (
                        (self.name, (target for _, target in _targets(setup, answers, end))),
                        (CONTROL, controls(setup, answers, end)),
                    )
                    for target in several
                ),
            ),
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each arrow, and all of them as a matrix."""
        found = [(arrow, self._judged(setup, answers, arrow)) for arrow in _arrows(setup)]
        questions = sum(len(one.outcomes) for _, one in found)
        askers = {(one.asker.host, one.asker.name) for _, judged in found for one in judged.outcomes if one.seen}
        matrix = ExpectedMatrix(
            parties=tuple(dict.fromkeys(name for arrow in _arrows(setup) for name in arrow.pair)),
            cells=cells_of(found),
            containers=len(askers),
            hosts=len({host for host, _ in askers}),
            questions=questions,
        )
        return Findings(tuple(one.as_verdict(self, str(arrow)) for arrow, one in found), expected=matrix)

    def _judged(self, setup: Setup, answers: Answers, arrow: Arrow) -> Judged:
        source, target = arrow.pair
        if not (askers := ends_named(setup, source)):
            why = idle(setup.state, source)
            return Judged(Status.INCONCLUSIVE, f"could not be asked: {why.words}", "unknown", fix=why.fix)
        if not ends_named(setup, target):
            return nothing_runs(setup, arrow)
        outcomes = [
            counted.settled(setup, answers, end, self.name, (target, one))
            for end in askers
            if end.asks or end.problem
            for one in targets_of(setup, answers, end, arrow)
        ]
        if not outcomes:
            return self._unasked(setup, answers, arrow)
        if arrow.allowed:
            return judged_allowed(setup, answers, arrow, outcomes)
        own = [
            counted.settled(setup, answers, end, CONTROL, (target, one))
            for end in ends_named(setup, target)
            if can_ask(end)
            for one in controls(setup, answers, end)
        ]
        return judged_denied(setup, arrow, outcomes, own)

    def _unasked(self, setup: Setup, answers: Answers, arrow: Arrow) -> Judged:
        """Return why nothing could be asked: no port is known to listen."""
        target = arrow.pair[1]
        if any(HOST_NETWORK in end.addresses for end in ends_named(setup, target)):
            detail = f"{target} has the network of its hosts, where all programs are: name its ports to have them asked"
            return Judged(Status.SKIPPED, detail, "unknown")
        if doors_of(setup, answers, target) is None:
            why = next((end.problem for end in ends_named(setup, target) if end.problem), "its ports were not read")
            return Judged(Status.INCONCLUSIVE, f"what {target} listens on is not known: {why}", "unknown")
        if arrow.allowed:
            detail = f"{target} listens on no TCP port that others reach"
            fix = "let its program listen on 0.0.0.0, or name the port that it should have"
            return Judged(Status.FAILED, detail, CauseId.NOT_LISTENING, cause=CauseId.NOT_LISTENING, fix=fix)
        return Judged(Status.SKIPPED, f"{target} listens on no TCP port that others could reach", "closed")


def nothing_runs(setup: Setup, arrow: Arrow) -> Judged:
    """Return what an arrow comes to whose target has no running container."""
    target = arrow.pair[1]
    if not arrow.allowed:
        return Judged(Status.SKIPPED, f"no container of {target} runs: there is nothing to reach", "closed")
    why, needed = idle(setup.state, target), claims.each((claims.tasks(target),))
    return Judged(Status.FAILED, why.words, CauseId.NO_RUNNING_TASK, CauseId.NO_RUNNING_TASK, why.fix, needed)


def _arrows(setup: Setup) -> tuple[Arrow, ...]:
    return setup.expected.between() if setup.expected is not None else ()


def _targets(setup: Setup, answers: Answers, end: End) -> Iterator[tuple[str, Target]]:
    """Yield what a container opens, each with the party that it is of."""
    for arrow in _arrows(setup):
        if arrow.pair[0] == end.party:
            yield from ((arrow.pair[1], target) for target in targets_of(setup, answers, end, arrow))


def _tried(setup: Setup, answers: Answers, end: End) -> Iterator[tuple[str, Target]]:
    """Yield what a container opens of others and of its own party, each with the party that it is of."""
    yield from _targets(setup, answers, end)
    yield from ((end.party, target) for target in controls(setup, answers, end))


def targets_of(setup: Setup, answers: Answers, end: End, arrow: Arrow) -> Iterator[Target]:
    """Yield what a container opens of another party: by name, by virtual address, and at each container's address."""
    for door in arrow.doors or doors_of(setup, answers, arrow.pair[1]) or ():
        yield from (counted.with_marker(setup, end, Isolation.name, one) for one in _at(setup, end, arrow, door))


def _at(setup: Setup, end: End, arrow: Arrow, door: Door) -> Iterator[Target]:
    check = check_at(setup, arrow.pair[1], door) if arrow.allowed or door.protocol == "udp" else None
    wanted, called = arrow.allowed, arrow.target.name
    others = ends_named(setup, arrow.pair[1])
    common = {name for other in others for name in other.addresses} & {*end.addresses} - {HOST_NETWORK}
    if not arrow.allowed or any(has_names(setup.state, name) for name in common):
        yield Target(called, door, is_wanted=wanted, check=check)
    if not arrow.allowed:
        service = setup.state.service(arrow.target.name)
        for address in service.virtual_ips.values() if service is not None else ():
            yield Target(address.partition("/")[0], door)
    for other in others:
        for network, address in other.addresses.items():
            if network in common or network == HOST_NETWORK or not arrow.allowed:
                near = network if network in common else ""
                yield Target(address, door, other, near, is_wanted=wanted, check=check, called=called)
        if arrow.allowed and not common and HOST_NETWORK not in other.addresses:
            yield Target(called, door, other, is_wanted=True)


def controls(setup: Setup, answers: Answers, end: End) -> Iterator[Target]:
    """Yield the ports of a container's own party at each container's address, on the networks that it is on."""
    doors = dict.fromkeys(doors_of(setup, answers, end.party) or ())
    for arrow in _arrows(setup):
        doors |= dict.fromkeys(arrow.doors if arrow.pair[1] == end.party and not arrow.allowed else ())
    for other in ends_named(setup, end.party):
        for network, address in other.addresses.items():
            if network in end.addresses:
                for door in doors:
                    check = check_at(setup, end.party, door) if door.protocol == "udp" else None
                    found = Target(address, door, other, network, is_wanted=True, check=check)
                    yield counted.with_marker(setup, end, CONTROL, found)


def cells_of(found: list[tuple[Arrow, Judged]]) -> dict[str, dict[str, ExpectedCell]]:
    """Return a cell for each pair that an arrow is about; the worst arrow decides how it looks."""
    worst = (Status.FAILED, Status.INCONCLUSIVE, Status.WARNING, Status.OK, Status.SKIPPED)
    pairs: dict[tuple[str, str], list[tuple[Arrow, Judged]]] = defaultdict(list)
    for arrow, judged in found:
        pairs[arrow.pair].append((arrow, judged))
    cells: dict[str, dict[str, ExpectedCell]] = defaultdict(dict)
    for (source, target), several in pairs.items():
        several.sort(key=lambda one: worst.index(one[1].status))
        said = {Wanted.ALLOW if arrow.allowed else Wanted.DENY for arrow, _ in several}
        cells[source][target] = ExpectedCell(
            wanted=said.pop() if len(said) == 1 else Wanted.BOTH,
            doors=tuple(str(door) for arrow, _ in several for door in arrow.doors),
            seen=str(several[0][1].seen),
            status=several[0][1].status,
        )
    return dict(cells)
