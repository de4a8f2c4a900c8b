"""Scenario: each task of a service gives the answer that the playbook's ``check`` wants, asked on its own network."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.verification import Level
from swarmnet.verify import claims
from swarmnet.verify.idle import idle
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import Answers, Findings, Scenario, in_steps
from swarmnet.verify.scenarios.expected.asked import OPEN, Target, ask_listening, ask_open, ends_named, outcome_of
from swarmnet.verify.scenarios.expected.explained import reason_of
from swarmnet.verify.scenarios.expected.judged import SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject
    from swarmnet.model.expectation import Check, Expectations
    from swarmnet.model.report import Verdict
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Question, Setup
    from swarmnet.verify.scenarios.expected.asked import Outcome

ITSELF = "127.0.0.1"
"""Where a container without an address is asked."""


class Checks(Scenario):
    """The services that have a check."""

    name: ClassVar[str] = "checks"
    summary: ClassVar[str] = "every task of your services gives the answer that its check wants"
    level: ClassVar[Level] = Level.QUICK
    needs_probes: ClassVar[bool] = False
    needs_networks: ClassVar[bool] = False
    needs_ends: ClassVar[bool] = True

    def is_expected(self, expected: Expectations) -> bool:
        """Return whether a service has a check."""
        return bool(expected.checks)

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask what listens, then each task from all hosts that have one."""
        mine = [(end, check) for name, check in _checks(setup).items() for end in ends_named(setup, name)]
        return in_steps(
            answers,
            lambda: ask_listening(end for end, _ in mine),
            lambda: [
                question for end, check in mine for question in ask_open(end, self.name, [*_targets(setup, end, check)])
            ],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each service with a check."""
        return Findings(tuple(self._service(setup, answers, name, one) for name, one in _checks(setup).items()))

    def _service(self, setup: Setup, answers: Answers, name: str, check: Check) -> Verdict:
        subject, ends = f"service {name}", ends_named(setup, name)
        if not ends:
            gone = idle(setup.state, name)
            found = self.verdict(subject, Status.FAILED, gone.words, gone.fix, cause=CauseId.NO_RUNNING_TASK)
            return found.model_copy(update={"needed": claims.each((claims.tasks(name),))})
        outcomes = [
            outcome_of(answers, end, self.name, target)
            for end in ends
            if end.asks or end.problem
            for target in _targets(setup, end, check)
        ]
        evidence: JsonObject = {"attempts": [one.as_json() for one in outcomes[:SHOWN]]}
        tasks = {str(one.target.end) for one in outcomes}
        bad = [one for one in outcomes if one.seen not in (OPEN, None)]
        if bad:
            return self._failed(setup, answers, subject, bad, len(tasks))
        if unasked := [one for one in outcomes if one.seen is None]:
            why = f"{unasked[0].target.end} could not be asked from {unasked[0].asker}: {unasked[0].why}"
            return self.verdict(subject, Status.INCONCLUSIVE, why)
        done = self.verdict(subject, Status.OK, f"{count(len(tasks), 'task answers', 'tasks answer')} ({check})")
        return done.model_copy(update={"evidence": evidence})

    def _failed(self, setup: Setup, answers: Answers, subject: str, bad: list[Outcome], tasks: int) -> Verdict:
        reasons = [(one, reason_of(setup, answers, one)) for one in bad]
        first = reasons[0][1]
        failing = sorted({str(one.target.end) for one in bad})
        detail = f"{len(failing)} of {tasks} tasks fail ({', '.join(failing[:3])}): {first.words}"
        if first.cause is None:
            return self.verdict(subject, Status.INCONCLUSIVE, detail)
        found = self.verdict(subject, Status.FAILED, detail, first.fix, cause=first.cause)
        evidence: JsonObject = {**found.evidence, "attempts": [one.as_json() for one in bad[:SHOWN]]}
        return found.model_copy(update={"evidence": evidence, "needed": tuple(why.needed for _, why in reasons)})


def _checks(setup: Setup) -> dict[str, Check]:
    return setup.expected.checks if setup.expected is not None else {}


def _targets(setup: Setup, end: End, check: Check) -> Iterator[Target]:
    """Yield each task of a container's own service, at its addresses on the container's networks."""
    for other in ends_named(setup, end.party):
        common = {network: address for network, address in other.addresses.items() if network in end.addresses}
        if not common and other == end:
            common = {"": ITSELF}
        for network, address in common.items():
            yield Target(address, check.door, other, network, is_wanted=True, check=check, called=end.party)
