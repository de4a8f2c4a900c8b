"""How Swarm networks fail, what ``verify`` calls each way, and the tests that show it.

The table is ``failure_modes.txt``, a line a mode. A test of a lab shows a mode on real engines; a pure one judges what
engines and kernels say.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from swarmnet.verify.ids import CauseId
from tests.support.held import missing

NUMBER = 77
PARTS = 4


class Why(StrEnum):
    """Why ``verify`` does not name a mode."""

    BY_DESIGN = "by design"
    """It is how Swarm works, and no fault of a cluster."""
    ENGINES = "fixed in engines"
    """The engine that was tried does not do it any more."""
    CHOICE = "a choice"
    """It costs something and breaks nothing: the finding that all is fine says what would be better."""
    NO_MEASURE = "no measure"
    """How much a line may carry is not known, so nothing that verify could measure is too little."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One line of the table."""

    number: str
    what: str
    causes: tuple[str, ...]
    tests: tuple[tuple[str, str], ...]
    why: str
    """The reason where nothing names it; empty where something does."""


def read() -> list[Mode]:
    """Return the table."""
    lines = Path(__file__).with_name("failure_modes.txt").read_text(encoding="utf-8").splitlines()
    return [_mode(line) for line in lines if line and not line.startswith("#")]


def _mode(line: str) -> Mode:
    parts = [part.strip() for part in line.split("|")]
    assert len(parts) == PARTS, f"{line!r} has not {PARTS} parts"
    number, what, causes, last = parts
    if causes == "-":
        return Mode(number, what, (), (), last)
    tests = tuple((file, name) for file, _, name in (one.strip().partition("::") for one in last.split(",")))
    return Mode(number, what, tuple(one.strip() for one in causes.split(",")), tests, "")


MODES = read()


def test_every_mode_is_in_the_table_once() -> None:
    assert [one.number for one in MODES] == [f"F{number:02}" for number in range(1, NUMBER + 1)]


@pytest.mark.parametrize("mode", MODES, ids=lambda one: one.number)
def test_a_mode_has_causes_and_tests_that_are_there_or_a_reason(mode: Mode) -> None:
    assert mode.what
    if mode.why:
        assert mode.why in {*Why}
    else:
        assert set(mode.causes) <= {*CauseId}
        assert mode.tests
        assert missing(mode.tests) == []
