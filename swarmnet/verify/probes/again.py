"""What to ask again where a host had no turn meanwhile: the questions, or the targets of one, that nothing answered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from swarmnet.verify.scenario import Answer, InsideTask, ObserverTask, OperatorTask, ProbeTask, ServiceTask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.verify.scenario import Answers, Question

PAUSE: Final = 1.0
"""Seconds without a turn from which on no answer proves nothing; probes bear shorter pauses by themselves."""
TIMES: Final = 2
"""How many times a question is asked again; a host that never has a turn is not waited for."""
KINDS: Final = frozenset(
    ("icmp", "udp", "tcp", "who", "dns", "knock", "sizes", "http", "open", "reach", "outside", "flows")
)
"""What can be asked again: nothing that counts, captures, or ends what another question began."""
TURNS: Final = "turns"
"""The question for how long a host had no turn: its kind, and its key."""
Asked = ProbeTask | ObserverTask | ServiceTask | InsideTask | OperatorTask


def unanswered(questions: Iterable[Question], answers: Answers) -> tuple[Asked, ...]:
    """Return the questions to which nothing, or not the right thing, came back; each with these targets alone."""
    found: list[Asked] = []
    for one in questions:
        answer = answers[one.host, one.key]
        if isinstance(one, Asked) and one.task.get("kind") in KINDS and answer.problem is None:
            wanted = one.task.get("targets")
            if not isinstance(wanted, dict):
                found += [one] if _is_in_vain(answer.value) or _vain_targets(answer.value) else []
            elif vain := _vain_targets(answer.value):
                targets: JsonObject = {label: target for label, target in wanted.items() if label in vain}
                found.append(replace(one, task={**one.task, "targets": targets}))
    return tuple(found)


def pause(answers: JsonObject) -> float:
    """Return the seconds that a probe's answer to ``TURNS`` names; 0 where it names none."""
    said = answers.get(TURNS)
    longest = said.get("longest") if isinstance(said, dict) else None
    return float(longest) if isinstance(longest, int | float) else 0.0


def merged(first: Answers, later: Answers) -> Answers:
    """Return the answers with the later ones in their targets' places; one that is a problem changes nothing."""
    answers = dict(first)
    for place, answer in later.items():
        if answer.problem is None:
            answers[place] = Answer(_merged(first[place].value, answer.value))
    return answers


def _merged(first: JsonObject, later: JsonObject) -> JsonObject:
    before, after = first.get("targets"), later.get("targets")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return later
    return {**first, "targets": {**before, **after}}


def _vain_targets(value: JsonObject) -> set[str]:
    targets = value.get("targets")
    return {label for label, outcome in targets.items() if _is_in_vain(outcome)} if isinstance(targets, dict) else set()


def _is_in_vain(outcome: JsonValue) -> bool:
    if not isinstance(outcome, dict):
        return False
    return (
        outcome.get("ok") is False
        or outcome.get("seen") == "silent"
        or bool(outcome.get("lost"))
        or ("code" in outcome and outcome["code"] is None)
    )
