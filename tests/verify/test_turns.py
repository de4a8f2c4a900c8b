"""In which order scenarios ask, and what an answer of an unknown form costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.scenario import Answers, Findings, HostCommand, Question, Scenario, Setup, Turn
from swarmnet.verify.story import VerifyOptions
from tests.support.simulated_probe import Paths
from tests.support.verified_world import run, traces, world_to_verify

if TYPE_CHECKING:
    from tests.simulator import World


@pytest.fixture
def world() -> World:
    return world_to_verify()


class _Steps(Scenario):
    """Asks hosts for as many commands as it has steps, one after the other, and keeps what was known at each."""

    name: ClassVar[str] = "steps"
    summary: ClassVar[str] = "asks in steps"

    def __init__(self, label: str, steps: int) -> None:
        self.keys = [f"{label}{step}" for step in range(steps)]
        self.known: list[set[str]] = []

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        assert setup.ready
        self.known.append({key for _, key in answers})
        done = sum(("m1", key) in answers for key in self.keys)
        return tuple(HostCommand("m1", key, ("true",)) for key in self.keys[: done + 1])

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        assert setup.ready
        assert all(("m1", key) in answers for key in self.keys)
        return Findings()


class _QuietSteps(_Steps):
    turn: ClassVar[Turn] = Turn.QUIET


class _CaptureSteps(_Steps):
    turn: ClassVar[Turn] = Turn.CAPTURE


def test_scenarios_ask_nothing_before_all_of_an_earlier_turn_have_their_answers(world: World) -> None:
    Paths(world)
    first, quiet, capture = _Steps("first", 3), _QuietSteps("quiet", 2), _CaptureSteps("capture", 2)
    assert run(world, VerifyOptions((capture, quiet, first))).verdicts == ()
    assert quiet.known[0] == set(first.keys)
    assert first.known[-1] == set(first.keys)
    assert capture.known[0] == {*first.keys, *quiet.keys}


class _Lost(Scenario):
    """Does not know the form of an answer."""

    name: ClassVar[str] = "lost"
    summary: ClassVar[str] = "is lost"

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        if answers:
            raise KeyError(setup.run)
        return (HostCommand("m1", "x", ("true",)),)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        raise OverflowError(f"too large: {len(answers)} in {setup.run}")


def test_h4_an_answer_of_an_unknown_form_is_inconclusive_for_its_scenario_alone(world: World) -> None:
    Paths(world)
    steps = _Steps("step", 3)
    (verdict,) = run(world, VerifyOptions((_Lost(), steps))).verdicts
    assert (verdict.scenario, verdict.status) == ("lost", Status.INCONCLUSIVE)
    assert "judge lost: the answer makes no sense: too large" in verdict.detail
    assert steps.known[-1] >= set(steps.keys)
    assert traces(world) == []
