from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.errors import ConvergenceError
from swarmnet.model.clock import look_until, wait_until
from tests.simulator.clock import SimulatedClock


def _waited(clock: SimulatedClock) -> str:
    with pytest.raises(ConvergenceError) as raised:
        wait_until(clock, lambda: (None, "still red"), what="it to be green", timeout=30)
    return raised.value.message


def test_a_wait_that_ends_says_how_long_for_what_and_the_last_thing_seen() -> None:
    clock = SimulatedClock()
    assert _waited(clock) == "waited 30 s for it to be green; last seen: still red"
    assert 30 <= clock.monotonic() < 31


@pytest.mark.parametrize("patience", [2.0, 120.0])
def test_the_operator_s_patience_replaces_a_wait_s_own_limit(patience: float) -> None:
    clock = SimulatedClock()
    clock.patience = patience
    assert _waited(clock).startswith(f"waited {patience:g} s")
    assert patience <= clock.monotonic() < patience + 1


def test_a_result_is_returned_even_when_no_time_is_left() -> None:
    assert wait_until(SimulatedClock(), lambda: ("green", ""), what="it", timeout=0) == "green"


@given(ready=st.floats(0, 100), limit=st.floats(0, 100), every=st.floats(0.1, 5), growth=st.sampled_from([1.0, 1.3]))
def test_a_look_is_the_first_that_is_enough_or_the_last_before_the_limit_and_at_most_one_pause_late(
    ready: float, limit: float, every: float, growth: float
) -> None:
    clock = SimulatedClock()

    seen = look_until(clock, clock.monotonic, lambda now: now >= ready, limit=limit, every=every, growth=growth)

    assert seen == clock.monotonic()
    assert seen >= min(ready, limit)
    assert seen <= min(ready, limit) + 10 * every


def test_a_wait_without_a_limit_ends_with_what_it_waits_for() -> None:
    clock = SimulatedClock()
    assert look_until(clock, clock.monotonic, lambda now: now >= 9_000, limit=math.inf, every=100) == 9_000
