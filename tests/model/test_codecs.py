"""The forms of values in the engine's JSON."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.codecs import ENVIRONMENT, PROCESSORS, RATIO, SECONDS, nanoseconds, seconds


@given(st.integers(min_value=0, max_value=4 * 10**15))
def test_durations_survive_the_way_to_seconds_and_back(nanos: int) -> None:
    assert nanoseconds(seconds(nanos)) == nanos


@given(st.floats(min_value=0, max_value=10**9, allow_nan=False))
def test_seconds_become_the_nearest_nanosecond(duration: float) -> None:
    assert math.isclose(nanoseconds(duration) / 10**9, duration, rel_tol=1e-12, abs_tol=1e-9)


@given(st.floats(min_value=0, max_value=10**6, allow_nan=False))
def test_a14_a_duration_or_processor_finer_than_engines_count_is_equal_to_what_they_keep(value: float) -> None:
    for codec in (SECONDS, PROCESSORS):
        kept = codec.read(codec.write(value, None))
        assert kept is not None
        assert codec.plain(value, None) == codec.plain(kept[0], None)


@given(st.floats(min_value=0, max_value=1, allow_nan=False))
def test_a14_a_ratio_is_equal_to_what_engines_keep_of_it(value: float) -> None:
    (kept,) = struct.unpack("f", struct.pack("f", value))
    assert RATIO.plain(value, None) == RATIO.plain(kept, None)


@pytest.mark.parametrize("ratio", [0, 0.1, 0.25, 0.333, 1])
def test_a_ratio_is_shown_as_it_is_written(ratio: float) -> None:
    assert RATIO.plain(ratio, None) == ratio


def test_whole_days_are_exact_beyond_what_a_float_of_nanoseconds_holds() -> None:
    assert nanoseconds(365 * 86400.0) == 365 * 86400 * 10**9


def test_a_duration_that_seconds_cannot_hold_is_left() -> None:
    assert SECONDS.read(2**62 + 1) is None


def test_variables_that_are_there_keep_their_places() -> None:
    assert ENVIRONMENT.write({"A": "2", "B": "1", "C": "3"}, ["B=1", "X=0", "A=1"]) == ["B=1", "A=2", "C=3"]
