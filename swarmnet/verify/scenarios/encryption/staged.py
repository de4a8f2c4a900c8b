"""Questions in an order: before, meanwhile, after."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.verify.scenario import Answers, Question


def staged(answers: Answers, *stages: Callable[[], list[Question]]) -> tuple[Question, ...]:
    """Return the questions of the first stage, and of each next one once all before it are answered.

    Stages of several scenarios keep step, since every stage takes one round.
    """
    asked: list[Question] = []
    for stage in stages:
        questions = stage()
        asked += questions
        if any((question.host, question.key) not in answers for question in questions):
            break
    return tuple(asked)
