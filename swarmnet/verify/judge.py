"""Judge what was answered: every scenario, then the causes, then what only follows from them. Pure."""

from __future__ import annotations

from functools import partial, reduce
from typing import TYPE_CHECKING, TypedDict, TypeVar

from swarmnet.errors import HostError
from swarmnet.model.border import border
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import absence
from swarmnet.verify.causes.at_cards import suspected
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.causes.failed_pairs import refine
from swarmnet.verify.causes.pairs import explain
from swarmnet.verify.certainty import certainty_of
from swarmnet.verify.ids import Group
from swarmnet.verify.scenario import Answers, Findings, Setup

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from swarmnet.model.verification import ExpectedMatrix, Matrix
from swarmnet.verify.scenario import Scenario

T = TypeVar("T")


class Judgement(TypedDict):
    """Fields of a verification that answers decide."""

    scenarios: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    matrices: tuple[Matrix, ...]
    expected: ExpectedMatrix | None


def judged(setup: Setup, scenarios: Sequence[Scenario], answers: Answers) -> Judgement:
    """Return the verdicts and matrices of a verification, by the names of its fields."""
    found = [_found(setup, scenario, answers) for scenario in scenarios]
    matrices = [matrix for findings in found for matrix in findings.matrices]
    verdicts = [
        *(verdict for findings in found for verdict in findings.verdicts),
        *within_border("look for causes", partial(explain, setup, answers, matrices), partial(_unclear, Group.PROBE)),
        *absence.explain(setup),
    ]
    in_order = traced(one.model_copy(update={"certainty": certainty_of(one)}) for one in verdicts)
    suspects = partial(suspected, setup, answers, in_order)
    return {
        "scenarios": tuple(one.name for one in scenarios),
        "verdicts": within_border("look at the cards", suspects, lambda _why: in_order),
        "matrices": tuple(_refined(setup, answers, matrix) for matrix in matrices),
        "expected": reduce(_joined, (findings.expected for findings in found), None),
    }


def _joined(one: ExpectedMatrix | None, two: ExpectedMatrix | None) -> ExpectedMatrix | None:
    return one.joined(two) if one is not None and two is not None else one or two


def _found(setup: Setup, scenario: Scenario, answers: Answers) -> Findings:
    if scenario.needs_networks and not setup.networks:
        why = "no tested overlay has room for probes" if setup.crowded else "the swarm has no overlay network to test"
        return Findings((Verdict(scenario=scenario.name, subject="networks", status=Status.SKIPPED, detail=why),))
    judge = partial(scenario.judge, setup, answers)
    return within_border(f"judge {scenario.name}", judge, lambda why: Findings(_unclear(scenario.name, why)))


def within_border(what: str, work: Callable[[], T], otherwise: Callable[[str], T]) -> T:
    """Return what the work gives, or ``otherwise`` with the reason where an answer is of no form that it knows."""
    try:
        with border("verify", what):
            return work()
    except HostError as error:
        return otherwise(error.message)


def _refined(setup: Setup, answers: Answers, matrix: Matrix) -> Matrix:
    return within_border("look for causes", partial(refine, setup, answers, matrix), lambda _why: matrix)


def _unclear(scenario: str, why: str) -> tuple[Verdict, ...]:
    return (Verdict(scenario=scenario, subject="answers", status=Status.INCONCLUSIVE, detail=why),)
