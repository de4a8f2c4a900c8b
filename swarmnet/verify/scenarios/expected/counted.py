"""Datagrams between services that nothing answers: counted inside the containers that they are for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.verify import arrivals
from swarmnet.verify.scenarios.expected.asked import ARRIVED, LOST, SILENT, ends_named, outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Question, Setup
    from swarmnet.verify.scenarios.expected.asked import Outcome, Target

COUNT = "expected"
"""What the counts are called."""


def with_marker(setup: Setup, asker: End, scenario: str, target: Target) -> Target:
    """Return a target whose datagrams differ from all others."""
    if not target.is_counted:
        return target
    return replace(target, marker=arrivals.marker(setup.run, asker.host, asker.name, scenario, target.label))


def begin(setup: Setup, tried: Iterable[tuple[str, Target]]) -> list[Question]:
    """Return the questions that begin to count, for what is tried of each party: at each container that may get it."""
    found: dict[tuple[str, str], set[str]] = {}
    ends: dict[tuple[str, str], End] = {}
    for party, target in tried:
        if target.marker:
            for end in [target.end] if target.end is not None else ends_named(setup, party):
                ends[end.host, end.name] = end
                found.setdefault((end.host, end.name), set()).add(target.marker)
    return [
        question for place, words in found.items() for question in arrivals.begin(ends[place], COUNT, sorted(words))
    ]


def collect(setup: Setup, answers: Answers, tried: Iterable[tuple[End, str, Target]]) -> list[Question]:
    """Return the questions that end all counts which began.

    A container waits for what must get to its own address, of what was tried and not answered: asker, scenario and
    target. What was sent to its name at the same time comes with that.
    """
    awaited: dict[tuple[str, str], set[str]] = {}
    for asker, scenario, target in tried:
        end = target.end if target.marker and target.is_wanted else None
        if end is not None and outcome_of(answers, asker, scenario, target).seen == SILENT:
            awaited.setdefault((end.host, end.name), set()).add(target.marker)
    return [
        question
        for end in setup.ends
        for question in arrivals.collect(end, COUNT, answers, sorted(awaited.get((end.host, end.name), ())))
    ]


def settled(setup: Setup, answers: Answers, asker: End, scenario: str, tried: tuple[str, Target]) -> Outcome:
    """Return what came of one attempt on a party; of a silent datagram, whether it arrived, where that was counted."""
    party, target = tried
    outcome = outcome_of(answers, asker, scenario, target)
    if outcome.seen != SILENT or not target.marker:
        return outcome
    ends = (target.end,) if target.end is not None else ends_named(setup, party)
    came = arrivals.arrived(answers, ends, COUNT, target.marker)
    if came is None:
        return outcome
    return replace(outcome, seen=ARRIVED if came else LOST, why="it arrives" if came else "it does not arrive")
