"""Scenario: services reach what is outside of the swarm where a playbook says so, and nothing where it says none.

The observers of the hosts are the control: what no host reaches either proves nothing about a service.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.expectation import Door, PartyKind
from swarmnet.model.report import Status
from swarmnet.model.verification import ExpectedCell, ExpectedMatrix, Level, Wanted
from swarmnet.verify.ends import machine
from swarmnet.verify.idle import idle
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import Answers, Findings, Scenario
from swarmnet.verify.scenarios.expected.asked import OPEN, WRONG, Target, ask_open, ends_named, outcome_of
from swarmnet.verify.scenarios.expected.isolation import cells_of
from swarmnet.verify.scenarios.expected.judged import Judged, judged_allowed
from swarmnet.verify.scenarios.mesh.mesh import address_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.expectation import Arrow, Expectations, Party
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Question, Setup
    from swarmnet.verify.scenarios.expected.asked import Outcome

INTERNET = "outside"
"""The column of what a service without a way out must not reach."""


class Egress(Scenario):
    """Every written target outside, and the services that must reach none."""

    name: ClassVar[str] = "egress"
    summary: ClassVar[str] = "your services reach what the playbook names outside of the swarm, or nothing at all"
    level: ClassVar[Level] = Level.QUICK
    needs_probes: ClassVar[bool] = False
    needs_networks: ClassVar[bool] = False
    needs_ends: ClassVar[bool] = True
    needs_observer: ClassVar[bool] = True

    def is_expected(self, expected: Expectations) -> bool:
        """Return whether anything is said of what is outside."""
        return bool(expected.sealed) or bool(_arrows(expected))

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Open every target from the containers that it is about, and from each host."""
        if setup.expected is None:
            return ()
        targets = {party: list(_tried(setup, party)) for party in _parties(setup.expected)}
        found = [
            question
            for party, several in targets.items()
            for end in ends_named(setup, party)
            for question in ask_open(end, self.name, several)
        ]
        everything = {one.label: replace(one, is_wanted=False) for several in targets.values() for one in several}
        return (
            *found,
            *(one for host in setup.watched for one in ask_open(machine(host), self.name, [*everything.values()])),
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each target of a service, and one for each service that must reach none."""
        expected = setup.expected
        if expected is None:
            return Findings()
        found = [(arrow, self._arrow(setup, answers, arrow)) for arrow in _arrows(expected)]
        sealed = [(party, self._none(setup, answers, party)) for party in expected.sealed]
        cells = cells_of(found)
        for party, judged in sealed:
            cell = ExpectedCell(wanted=Wanted.DENY, seen=str(judged.seen), status=judged.status)
            cells.setdefault(str(party), {})[INTERNET] = cell
        matrix = ExpectedMatrix(
            parties=tuple(dict.fromkeys([*cells, *(target for row in cells.values() for target in row)])),
            cells=cells,
            containers=0,
            hosts=0,
            questions=sum(len(judged.outcomes) for _, judged in (*found, *sealed)),
        )
        verdicts = [judged.as_verdict(self, str(arrow)) for arrow, judged in found]
        verdicts += [judged.as_verdict(self, f"{party} -> outside") for party, judged in sealed]
        return Findings(tuple(verdicts), expected=matrix)

    def _arrow(self, setup: Setup, answers: Answers, arrow: Arrow) -> Judged:
        outcomes = list(self._outcomes(setup, answers, arrow.pair[0], _places(setup, arrow)))
        if not outcomes:
            return _unasked(setup, arrow.source)
        if not arrow.allowed:
            return self._closed(setup, answers, arrow.source, outcomes, each=True)
        judged = judged_allowed(setup, answers, arrow, outcomes)
        if judged.status is Status.FAILED and not self._control(setup, answers, outcomes):
            return Judged(
                Status.FAILED,
                f"{judged.detail}; no host reaches it either",
                judged.seen,
                judged.cause,
                "let the hosts reach it first: their routes, DNS servers and firewalls",
                outcomes=judged.outcomes,
            )
        return judged

    def _none(self, setup: Setup, answers: Answers, party: Party) -> Judged:
        outcomes = list(self._outcomes(setup, answers, str(party), _tried(setup, str(party))))
        return self._closed(setup, answers, party, outcomes) if outcomes else _unasked(setup, party)

    def _closed(
        self, setup: Setup, answers: Answers, party: Party, outcomes: list[Outcome], *, each: bool = False
    ) -> Judged:
        """Return whether nothing opens, and whether the same, or ``each`` port of it, opens from a host."""
        mine = tuple(outcomes)
        if opened := [one for one in mine if one.seen in (OPEN, WRONG)]:
            labels = ", ".join(dict.fromkeys(one.target.label for one in opened))
            detail = f"{labels} opens, asked from {opened[0].asker}, and nothing outside should"
            fix = f"put {party} on internal networks alone, and publish none of its ports"
            return Judged(Status.FAILED, detail, "open", CauseId.NOT_ALLOWED, fix, outcomes=mine)
        if unasked := [one for one in mine if one.seen is None]:
            why = f"{unasked[0].asker} could not be asked: {unasked[0].why}"
            return Judged(Status.INCONCLUSIVE, why, "unknown", outcomes=mine)
        control = self._control(setup, answers, outcomes)
        proved = {one.target.door for one in mine if one.target.label in control}
        unproved = [door for door in dict.fromkeys(one.target.door for one in mine) if door not in proved]
        if not control or (each and unproved):
            what = ", ".join(map(str, unproved)) if control else "any of it"
            detail = f"nothing opens, but no host reaches {what} either: that proves nothing"
            fix = "let a host reach it, or take the line out; few programs answer datagrams that they do not understand"
            return Judged(Status.INCONCLUSIVE, detail, "unknown", fix=fix, outcomes=mine)
        targets = {one.target.label for one in mine}
        detail = f"none of {len(targets)} targets opens; {len(control)} of them open from hosts"
        return Judged(Status.OK, detail, "closed", outcomes=mine)

    def _control(self, setup: Setup, answers: Answers, outcomes: Iterable[Outcome]) -> set[str]:
        """Return which of the targets open from a host."""
        seen = (outcome_of(answers, machine(host), self.name, one.target) for one in outcomes for host in setup.watched)
        return {one.target.label for one in seen if one.seen in (OPEN, WRONG)}

    def _outcomes(self, setup: Setup, answers: Answers, party: str, targets: Iterable[Target]) -> Iterator[Outcome]:
        asking: list[End] = [end for end in ends_named(setup, party) if end.asks or end.problem]
        for target in targets:
            yield from (outcome_of(answers, end, self.name, target) for end in asking)


def _unasked(setup: Setup, party: Party) -> Judged:
    ends = ends_named(setup, str(party))
    if ends:
        return Judged(Status.INCONCLUSIVE, "no address to ask is known", "unknown")
    why = idle(setup.state, str(party))
    return Judged(Status.INCONCLUSIVE, f"could not be asked: {why.words}", "unknown", fix=why.fix)


def _arrows(expected: Expectations) -> tuple[Arrow, ...]:
    return tuple(arrow for arrow in expected.arrows if not arrow.target.has_tasks)


def _parties(expected: Expectations) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(arrow.pair[0] for arrow in _arrows(expected)), *map(str, expected.sealed)]))


def _tried(setup: Setup, party: str) -> Iterator[Target]:
    """Yield what a party opens: its own targets, and where it must reach none, all others' and the hosts by SSH."""
    expected = setup.expected
    if expected is None:
        return
    sealed = party in map(str, expected.sealed)
    for arrow in _arrows(expected):
        if sealed or arrow.pair[0] == party:
            yield from _places(setup, arrow)
    for host, approach in setup.approaches.items() if sealed else ():
        if address := address_of(setup, host):
            yield Target(address, Door(port=approach.port))


def _places(setup: Setup, arrow: Arrow) -> Iterator[Target]:
    """Yield the addresses that a target stands for: of a block, those of hosts in it, else its first."""
    kind, name = arrow.target.kind, arrow.target.name
    names = [address_of(setup, name)] if kind is PartyKind.HOST else [name]
    if kind is PartyKind.BLOCK:
        block = ip_network(name)
        hosts = [address for host in setup.approaches if (address := address_of(setup, host))]
        names = [one for one in hosts if ip_address(one) in block] or [str(next(iter(block.hosts())))]
    for one in names:
        if one:
            yield from (Target(one, door, is_wanted=arrow.allowed) for door in arrow.doors)
