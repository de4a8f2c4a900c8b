"""Durations and the taking apart of JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from swarmnet.edge.engine.wire.parts import Parts, nanoseconds, pruned, seconds

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject


@given(st.integers(min_value=0, max_value=4 * 10**15))
def test_durations_survive_the_way_to_seconds_and_back(nanos: int) -> None:
    assert nanoseconds(seconds(nanos)) == nanos


@given(st.floats(min_value=0, max_value=10**9, allow_nan=False))
def test_seconds_become_the_nearest_nanosecond(duration: float) -> None:
    assert math.isclose(nanoseconds(duration) / 10**9, duration, rel_tol=1e-12, abs_tol=1e-9)


def test_whole_days_are_exact_beyond_what_a_float_of_nanoseconds_holds() -> None:
    assert nanoseconds(365 * 86400.0) == 365 * 86400 * 10**9


def test_a_duration_that_seconds_cannot_hold_is_left() -> None:
    parts = Parts({"Long": 2**62 + 1})
    assert parts.take_seconds("Long") is None
    assert parts.rest() == {"Long": 2**62 + 1}


def test_what_nobody_took_is_left_without_empty_objects() -> None:
    parts = Parts({"A": {"B": 1, "C": {}, "D": None}, "E": {"F": "x"}, "G": []})
    assert parts.take_int("A", "B") == 1
    assert parts.rest() == {"E": {"F": "x"}, "G": []}


def test_a_part_of_another_shape_is_left() -> None:
    parts = Parts({"N": "one", "T": 1, "B": 1, "L": [1], "M": {"k": 1}})
    taken = (
        parts.take_int("N"),
        parts.take_text("T"),
        parts.take_flag("B"),
        parts.take_texts("L"),
        parts.take_labels("M"),
    )
    assert taken == (None,) * 5
    assert parts.rest() == {"N": "one", "T": 1, "B": 1, "L": [1], "M": {"k": 1}}


def test_taking_leaves_the_original_alone() -> None:
    original: JsonObject = {"A": {"B": 1}}
    Parts(original).take("A", "B")
    assert original == {"A": {"B": 1}}


def test_pruning_reaches_into_objects() -> None:
    assert pruned({"A": {"B": {"C": None}}, "D": 0, "E": False}) == {"D": 0, "E": False}
