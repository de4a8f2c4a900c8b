"""A memory of pure functions knows its objects by identity."""

from __future__ import annotations

from swarmnet.model.memory import MOST, remembered


def test_the_same_objects_are_asked_about_once_and_equal_ones_again() -> None:
    asked = []

    @remembered
    def length(words: list[str]) -> int:
        asked.append(words)
        return len(words)

    one, other = ["a"], ["a"]
    assert [length(one), length(one), length(other), length(one)] == [1, 1, 1, 1]
    assert len(asked) == 2


def test_only_the_last_calls_are_kept() -> None:
    asked = []

    @remembered
    def twice(words: list[int]) -> list[int]:
        asked.append(words)
        return words * 2

    calls = [[number] for number in range(MOST + 1)]
    for one in calls:
        twice(one)
    twice(calls[-1])
    assert len(asked) == MOST + 1
    twice(calls[0])
    assert len(asked) == MOST + 2
