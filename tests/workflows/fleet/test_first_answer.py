"""A host that hangs is named, and others are asked instead."""

from __future__ import annotations

import threading
import time
from itertools import count

import pytest

from swarmnet.errors import NotAManagerError, UnreachableError
from swarmnet.model.events import Event, Progress
from swarmnet.workflows.fleet.first_answer import SILENCE, first_answer, reported


def hangs(until: threading.Event) -> str:
    until.wait(30)
    raise UnreachableError("m1", "the connection broke")


def quiet() -> None:
    """Report nothing."""


def test_a_quick_answer_is_the_only_one_that_is_asked_for() -> None:
    asked = threading.Event()

    def other() -> str:
        asked.set()
        return "m2"

    assert first_answer(lambda: "m1", (other,), tell=asked.set) == "m1"
    assert not asked.is_set()


def test_any_first_answer_counts_when_the_first_is_silent() -> None:
    thawed, begun = threading.Event(), time.monotonic()

    heard: list[str] = []

    answer = first_answer(
        lambda: hangs(thawed), (lambda: hangs(thawed), lambda: "m3"), tell=lambda: heard.append("asking others")
    )

    assert (answer, heard) == ("m3", ["asking others"])
    assert SILENCE <= time.monotonic() - begun < SILENCE + 20
    thawed.set()


def test_those_that_cannot_answer_yet_are_asked_again() -> None:
    thawed, tries = threading.Event(), count(1)

    def electing() -> str:
        if next(tries) < 3:
            raise NotAManagerError("m2", "the swarm does not have a leader")
        return "m2"

    assert first_answer(lambda: hangs(thawed), (electing,), tell=quiet) == "m2"
    thawed.set()


def test_the_wait_ends_with_the_first_ones_when_no_other_answers() -> None:
    thawed = threading.Event()
    threading.Timer(SILENCE + 0.3, thawed.set).start()

    def electing() -> str:
        raise NotAManagerError("m2", "the swarm does not have a leader")

    with pytest.raises(UnreachableError, match="the connection broke"):
        first_answer(lambda: hangs(thawed), (electing,), tell=quiet)


def test_a_wait_of_more_than_a_second_is_reported_and_a_shorter_one_is_not() -> None:
    heard: list[Event] = []
    spoken = threading.Event()

    def listener(event: Event) -> None:
        heard.append(event)
        spoken.set()

    with reported(listener, "nothing"):
        pass
    with reported(listener, "the lock"):
        assert spoken.wait(SILENCE + 5)

    assert heard == [Progress("waiting for the lock")]
