"""H7: a newer backup that was seen before is not forgotten, and a clock that jumps does not lock the operator out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.sealed import Mark
from swarmnet.plan.recovery.catalogue import AHEAD, is_older, to_remember

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
HOURS = st.integers(-3000, 3000)


def _mark(hours: int, number: int = 0) -> Mark:
    return Mark(created=NOW + timedelta(hours=hours), id=f"{number:032x}")


def test_an_older_one_instead_of_the_newest_is_seen() -> None:
    assert is_older(_mark(-2), _mark(-1), NOW)
    assert not is_older(_mark(-1), _mark(-1), NOW)
    assert not is_older(_mark(-1), _mark(-2), NOW)
    assert not is_older(_mark(-1), None, NOW)


def test_of_two_of_one_moment_the_id_decides() -> None:
    assert is_older(_mark(-1, 1), _mark(-1, 2), NOW)


@given(HOURS, HOURS)
def test_a_backup_seen_from_the_future_does_not_lock_the_operator_out(seen: int, found: int) -> None:
    if seen * 3600 > AHEAD:
        assert not is_older(_mark(found), _mark(seen), NOW)


@given(HOURS, st.none() | HOURS)
def test_a_look_never_lowers_what_is_remembered_and_never_remembers_the_future(found: int, seen: int | None) -> None:
    before = None if seen is None else _mark(seen)
    after = to_remember(before, _mark(found), NOW)
    if after is not None:
        assert before is None or after.order > before.order
        assert (after.created - NOW).total_seconds() <= AHEAD


@given(st.lists(st.tuples(st.integers(-100, 100), st.integers(0, 5)), min_size=1, max_size=30))
def test_once_the_clock_is_right_again_the_next_backup_counts(steps: list[tuple[int, int]]) -> None:
    """Backups are taken under clocks that are wrong by so many hours; then the clock is right."""
    seen: Mark | None = None
    for number, (wrong, hours) in enumerate(steps):
        clock = NOW + timedelta(hours=number + hours + wrong)
        taken = Mark(created=clock, id=f"{number:032x}")
        seen = to_remember(seen, taken, clock, made=True) or seen
    clock = NOW + timedelta(hours=len(steps) + 6)
    taken = Mark(created=clock, id="f" * 32)
    seen = to_remember(seen, taken, clock, made=True) or seen
    assert not is_older(taken, seen, clock)
    assert seen == taken
