from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.errors import DamagedError, RefusedError, UsageError
from swarmnet.model.backup import Reason
from swarmnet.model.sealed import RAFT_CONTAINER, Entry, SealedHeader
from swarmnet.plan.recovery.retention import Keep, to_remove

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
HOURS = st.lists(st.tuples(st.integers(0, 2000), st.booleans()), min_size=1, max_size=40, unique_by=lambda one: one[0])
COUNT = st.integers(0, 5)
RULES = st.builds(Keep, last=COUNT, daily=COUNT, weekly=COUNT, raft=COUNT)


def _entry(
    hours: int, *, complete: bool = True, sound: bool = True, reason: Reason = Reason.MANUAL, container: int = 1
) -> Entry:
    created = NOW - timedelta(hours=hours)
    header = SealedHeader(
        container=container,
        schema_version="1.0",
        id=f"{abs(hours):032x}",
        created=created,
        tool="swarmnet",
        cluster="prod",
        reason=reason,
        complete=complete,
        recipients=(),
        signer="0" * 64,
        sealed_bytes=1,
        sealed_sha256="0" * 64,
    )
    name = f"backup-{hours}"
    return Entry(Path(name), name, 1, header if sound else None, None if sound else DamagedError("damaged"))


@given(HOURS, RULES.filter(lambda rules: rules != Keep()))
def test_the_newest_complete_backup_always_stays(hours: list[tuple[int, bool]], keep: Keep) -> None:
    entries = [_entry(age, complete=complete) for age, complete in hours]
    complete_ages = [age for age, complete in hours if complete]
    if not complete_ages:
        with pytest.raises(RefusedError):
            to_remove(entries, keep, NOW)
        return
    assert f"backup-{min(complete_ages)}" not in {entry.name for entry in to_remove(entries, keep, NOW)}


@given(HOURS, RULES.filter(lambda rules: rules != Keep()))
def test_pruning_what_was_pruned_removes_nothing_more(hours: list[tuple[int, bool]], keep: Keep) -> None:
    entries = [_entry(0), *(_entry(age + 1, complete=complete) for age, complete in hours)]
    removed = to_remove(entries, keep, NOW)
    assert to_remove([entry for entry in entries if entry not in removed], keep, NOW) == ()


def test_each_rule_keeps_the_newest_of_its_periods() -> None:
    entries = [_entry(hours) for hours in (0, 1, 13, 24, 48, 24 * 8, 24 * 15)]
    removed = to_remove(entries, Keep(last=1, daily=2, weekly=3), NOW)
    assert [entry.name for entry in removed] == ["backup-1", "backup-24", "backup-192"]


def test_partial_backups_never_displace_complete_ones_and_go_when_a_complete_one_is_newer() -> None:
    entries = [_entry(0, complete=False), _entry(1), _entry(2, complete=False), _entry(3)]
    assert [entry.name for entry in to_remove(entries, Keep(last=1), NOW)] == ["backup-2", "backup-3"]


@pytest.mark.parametrize("reason", [Reason.PRE_APPLY, Reason.PRE_RESTORE])
def test_what_was_saved_before_a_change_does_not_displace_the_backup_of_that_day(reason: Reason) -> None:
    saved = [_entry(hours, reason=reason) for hours in (1, 2)]
    removed = to_remove([*saved, _entry(3), _entry(5), _entry(30)], Keep(daily=2), NOW)
    assert [entry.name for entry in removed] == ["backup-2", "backup-5"]


def test_damaged_files_are_left_for_people_to_look_at() -> None:
    assert to_remove([_entry(1), _entry(500, sound=False)], Keep(last=1), NOW) == ()


def test_several_files_of_one_backup_count_once_and_go_together() -> None:
    twice = [replace(_entry(hours), path=Path(f"copy-{hours}")) for hours in (1, 3)]
    entries = [_entry(hours) for hours in (1, 2, 3)]
    removed = to_remove([*entries, *twice], Keep(last=2), NOW)
    assert {str(entry.path) for entry in removed} == {"backup-3", "copy-3"}


def test_no_rule_at_all_is_refused() -> None:
    with pytest.raises(UsageError):
        to_remove([_entry(1)], Keep(), NOW)


def test_a_backup_from_the_future_stops_pruning() -> None:
    with pytest.raises(RefusedError, match="clock"):
        to_remove([_entry(-24), _entry(1)], Keep(last=1), NOW)


@given(st.integers(1, 5), st.integers(0, 8))
def test_a_rule_for_raft_archives_alone_leaves_all_other_backups(keep: int, archives: int) -> None:
    others = [_entry(hours, complete=hours % 3 == 0) for hours in range(0, 20, 2)]
    rafts = [_entry(hours, container=RAFT_CONTAINER) for hours in range(1, 2 * archives, 2)]
    assert to_remove([*others, *rafts], Keep(raft=keep), NOW) == tuple(rafts[keep:])


def test_raft_archives_and_other_backups_count_apart() -> None:
    others = [_entry(hours) for hours in (1, 3)]
    archives = [_entry(hours, container=RAFT_CONTAINER) for hours in (2, 4)]
    removed = to_remove([*others, *archives], Keep(last=1), NOW)
    assert [one.name for one in removed] == ["backup-3", "backup-4"]
