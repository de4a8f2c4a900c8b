from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.errors import UsageError
from swarmnet.model.schedule import History, RunRecord
from swarmnet.plan.schedule import (
    after_run,
    age,
    cron_expression,
    is_due,
    last_due,
    may_prune,
    next_due,
    patience,
)
from tests.support.nights import DAY, a_schedule

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
TIMES = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)).map(lambda time: time.replace(tzinfo=UTC))  # noqa: DTZ001
EXPRESSIONS = st.sampled_from(
    ["0 * * * *", "0 3 * * *", "0 3 * * SUN", "*/7 1-5 * * *", "30 2 1,15 * *", "15 4 13 * FRI", "0 0 29 2 *"]
)
SCHEDULE = a_schedule(Path("/s"))


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("daily", "0 3 * * *"),
        ("hourly", "0 * * * *"),
        ("monthly", "0 3 1 * *"),
        ("  5  4 * * MON-FRI ", "5 4 * * MON-FRI"),
    ],
)
def test_words_and_expressions_are_read(word: str, means: str) -> None:
    assert cron_expression(word) == means


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "nightly",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "0 3 L * *",
        "0 3 LW * *",
        "0 3 * * 5#2",
        "0 3 * * 5L",
        "0 0 31 2 *",
        "0 0 * * XYZ",
        "@daily",
        "0 3 * * *\n* * * * * rm",
        "-1 * * * *",
    ],
)
def test_what_crontabs_do_not_know_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError):
        cron_expression(wrong)


@given(EXPRESSIONS, TIMES)
def test_now_is_between_the_last_time_and_the_next(at: str, now: datetime) -> None:
    before, after = last_due(at, now, UTC), next_due(at, now, UTC)
    assert before <= now < after
    assert next_due(at, before - timedelta(seconds=1), UTC) == before
    assert last_due(at, after, UTC) == after


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC)),  # 04:00 is summer time
        (datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 3, tzinfo=UTC)),
    ],
)
def test_times_are_local_also_when_clocks_change(now: datetime, due: datetime) -> None:
    assert next_due("0 4 * * *", now, BERLIN) == due
    assert last_due("0 4 * * *", due, BERLIN) == due


def _history(started: datetime, *, soft: bool = False) -> History:
    return after_run(
        SCHEDULE, History(), RunRecord(started=started, exit_code=75 if soft else 0, retry=soft, soft=soft)
    )


def test_a_run_is_due_once_for_all_times_that_were_missed() -> None:
    assert is_due(SCHEDULE, History(), NOW, UTC)
    assert is_due(SCHEDULE, _history(NOW - timedelta(days=9)), NOW, UTC)
    assert not is_due(SCHEDULE, _history(NOW - timedelta(hours=1)), NOW, UTC)
    assert not is_due(SCHEDULE, _history(NOW), NOW + timedelta(hours=14), UTC)


def test_a_run_that_could_not_begin_is_due_still() -> None:
    assert is_due(SCHEDULE, _history(NOW - timedelta(hours=1), soft=True), NOW, UTC)


def test_a_last_run_in_the_future_does_not_count() -> None:
    assert is_due(SCHEDULE, _history(NOW + timedelta(days=365)), NOW, UTC)


@pytest.mark.parametrize(
    ("hours", "overdue"), [(0, False), (48, False), (49, True), (-1, True)], ids=["new", "just", "old", "future"]
)
def test_the_newest_is_too_old_after_max_age_and_says_nothing_from_the_future(hours: int, overdue: bool) -> None:  # noqa: FBT001
    assert age(SCHEDULE, NOW - timedelta(hours=hours), NOW).is_overdue is overdue


@pytest.mark.parametrize(("at", "hours"), [("0 * * * *", 2), ("0 3 * * *", 48), ("0 3 * * SUN", 14 * 24)])
def test_two_runs_may_fail_by_default(at: str, hours: int) -> None:
    assert patience(at, NOW) == hours * 3600


def _after(gaps: list[timedelta]) -> tuple[History, datetime]:
    history, now = History(), NOW
    for gap in [timedelta(), *gaps]:
        now += gap
        history = after_run(SCHEDULE, history, RunRecord(started=now, exit_code=0))
    return history, now


def test_pruning_waits_until_runs_have_been_regular() -> None:
    day = timedelta(days=1)
    assert not may_prune(SCHEDULE, *_after([day]))
    assert may_prune(SCHEDULE, *_after([day, day]))
    assert not may_prune(SCHEDULE, *_after([day, day, day * 365]))
    assert not may_prune(SCHEDULE, *_after([day, day, -2 * day]))
    assert may_prune(SCHEDULE, *_after([day, day, -2 * day, day, day]))


@given(st.lists(st.integers(-3 * DAY, 3 * DAY).map(lambda seconds: timedelta(seconds=seconds)), max_size=8))
def test_no_run_prunes_right_after_a_jump(gaps: list[timedelta]) -> None:
    history, now = _after([*gaps, timedelta(days=400)])
    assert not may_prune(SCHEDULE, history, now)
