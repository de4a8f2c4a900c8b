"""All night: runs that were missed, hosts and a quorum that were lost, clocks that jumped, two schedulers at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.scheduled_raft import order_of_run
from swarmnet.edge.backups.vault import AgeVault
from swarmnet.errors import LabError
from swarmnet.model.backup import Reason
from swarmnet.model.schedule import DrillRun
from swarmnet.plan.recovery.catalogue import latest
from swarmnet.workflows.backup_lookup import opened
from swarmnet.workflows.raft import archive
from tests.simulator import World
from tests.support.goals import SITE, operator, run
from tests.support.nights import DAY, VAULT, Nights, a_schedule

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.schedule import RunRecord, Schedule
    from swarmnet.model.sealed import Entry


def _nights(root: Path, *, managers: int = 1, workers: int = 1, **fields: object) -> Nights:
    return Nights(World(managers=managers, workers=workers), root, a_schedule(root, **fields))


def _times(nights: Nights) -> list[str]:
    return [f"{record.started:%d %H:%M}" for record in nights.runs]


def test_each_night_has_one_backup_and_the_rules_keep_what_they_say(tmp_path: Path) -> None:
    nights = _nights(tmp_path, keep_daily=3)

    nights.pass_days(6)

    assert _times(nights) == [f"{day:02} 03:00" for day in range(1, 7)]
    assert [record.exit_code for record in nights.runs] == [0] * 6
    headers = [one.header for one in nights.backups if one.header]
    assert [header.reason for header in headers] == [Reason.SCHEDULE] * 3
    assert [header.created.day for header in headers] == [6, 5, 4]


def test_each_backup_has_the_playbook_as_it_was_that_night_and_one_that_is_gone_fails_the_run_alone(
    tmp_path: Path,
) -> None:
    playbook = tmp_path / "site.yml"
    (tmp_path / "sim.yml").write_text("schema: 1\n")
    nights = _nights(tmp_path, playbook=str(playbook))
    for text in ("one", "two"):
        playbook.write_text(f"schema: 1\nname: {text}\nsteps: []\n")
        nights.pass_days(1)
    playbook.unlink()
    nights.pass_days(1)

    kept = [opened(one, repository=nights.repository, vault=nights.vault).sources for one in nights.backups]
    assert [one and one.named["site.yml"].split()[3] for one in kept] == [None, b"two", b"one"]
    assert [record.exit_code for record in nights.runs] == [0, 0, 1]
    assert nights.runs[-1].lines[-1].startswith("the playbook is not in the backup: no such file")


def test_runs_that_a_sleeping_machine_missed_are_made_up_for_once(tmp_path: Path) -> None:
    nights = _nights(tmp_path)
    nights.pass_days(1)
    nights.is_asleep = True
    nights.pass_days(3.3)
    nights.is_asleep = False

    nights.pass_days(1)

    assert _times(nights) == ["01 03:00", "05 07:20", "06 03:00"]


def test_a_host_that_is_away_makes_the_backup_partial_which_displaces_no_complete_one(tmp_path: Path) -> None:
    nights = _nights(tmp_path, keep_last=1)
    nights.pass_days(1)
    (whole,) = nights.backups
    nights.world.kill("w1")

    nights.pass_days(1)

    last = nights.runs[-1]
    assert (last.exit_code, last.complete, last.soft) == (3, False, False)
    assert "w1" in last.lines[-1]
    assert len(nights.backups) == 2
    assert latest(nights.backups) == whole


def test_without_a_quorum_nothing_is_written_and_the_next_night_all_is_well(tmp_path: Path) -> None:
    nights = _nights(tmp_path, managers=3)
    nights.pass_days(1)
    for host in ("m2", "m3"):
        nights.world.kill(host)
    nights.pass_days(1)
    lost = nights.runs[-1]
    assert (lost.exit_code, lost.backup, lost.soft) == (3, None, False)
    assert len(nights.backups) == 1
    for host in ("m2", "m3"):
        nights.world.revive(host)

    nights.pass_days(1)

    assert nights.runs[-1].exit_code == 0
    assert len(nights.backups) == 2


def test_where_no_host_answers_it_tries_again_and_alarms_once_the_newest_is_too_old(tmp_path: Path) -> None:
    nights = _nights(tmp_path, max_age=DAY + 3600)
    nights.pass_days(1)
    for host in ("m1", "w1"):
        nights.world.kill(host)
    nights.runs.clear()
    nights.pass_days(1)

    codes = [record.exit_code for record in nights.runs]
    assert set(codes) == {75, 1}
    assert codes == sorted(codes, reverse=True)
    assert "older than" in nights.runs[-1].lines[-1]
    alarms = [record.started for record in nights.runs if not record.soft]
    assert len(alarms) == 2  # again after half of max_age, not every ten minutes
    for host in ("m1", "w1"):
        nights.world.revive(host)
    nights.pass_days(0.01)
    assert nights.runs[-1].exit_code == 0  # at once, not at the next time of the schedule


def test_a_clock_that_jumps_a_year_ahead_and_back_loses_nothing(tmp_path: Path) -> None:
    nights = _nights(tmp_path, keep_last=2, keep_daily=2)
    nights.pass_days(3)
    before = {one.name for one in nights.backups}
    nights.clock.ahead = timedelta(days=365)
    nights.pass_days(1)
    assert {one.name for one in nights.backups} > before
    assert any("nothing was pruned" in line for line in nights.runs[-1].lines)
    nights.clock.ahead = timedelta()

    nights.pass_days(3)

    assert {one.name for one in nights.backups} > before
    assert [record.exit_code for record in nights.runs] == [0] * len(nights.runs)
    years = [record.started.year for record in nights.runs]
    # One at once after each jump: a run was missed; the last run was in the future.
    assert years == [2026] * 3 + [2027] * 2 + [2026] * 4


def test_a_clock_that_jumps_two_days_back_loses_nothing(tmp_path: Path) -> None:
    nights = _nights(tmp_path, keep_last=2)
    nights.pass_days(4)
    before = {one.name for one in nights.backups}
    nights.clock.ahead = timedelta(days=-2)

    nights.pass_days(1)

    assert {one.name for one in nights.backups} > before
    assert nights.runs[-1].exit_code == 0
    nights.pass_days(3)  # by now, time has caught up
    assert len(nights.backups) == 2


def test_a_second_scheduler_finds_the_repository_in_use_and_comes_again(tmp_path: Path) -> None:
    nights = _nights(tmp_path)
    with nights.repository.locked("sim"):
        nights.pass_days(0.2)
        assert {record.exit_code for record in nights.runs} == {11}
        assert all(record.soft for record in nights.runs)

    nights.pass_days(0.1)

    assert nights.runs[-1].exit_code == 0
    assert len(nights.backups) == 1


def test_what_changed_since_the_backup_before_is_counted_and_named(tmp_path: Path) -> None:
    nights = _nights(tmp_path)
    nights.pass_days(2)
    assert [record.drift for record in nights.runs] == [None, 0]
    run(nights.world, SITE + "  - network: {name: third, attachable: true}\n")

    nights.pass_days(1)

    assert nights.runs[-1].drift == 1
    assert any("network third" in line for line in nights.runs[-1].lines)
    assert nights.runs[-1].objects["network"] == 3


def test_without_an_identity_the_new_backup_is_checked_and_not_compared(tmp_path: Path) -> None:
    nights = _nights(tmp_path)
    nights.vault = AgeVault(trusted=VAULT.trusted)
    nights.pass_days(2)
    assert [(record.exit_code, record.drift) for record in nights.runs] == [(0, None)] * 2
    assert any("no identity" in line for line in nights.runs[-1].lines)


def test_a_copy_that_fails_is_a_failure_and_the_backup_stays(tmp_path: Path) -> None:
    nights = _nights(tmp_path)
    nights.copy = lambda entries: (f"{entries[0].name}: the stick is full",)
    nights.pass_days(1)
    (record,) = nights.runs
    assert (record.exit_code, record.soft, record.lines[-1].endswith("the stick is full")) == (1, False, True)
    assert record.backup == nights.backups[0].name


@dataclass
class Heard:
    """A notice that remembers, and never arrives."""

    events: list[tuple[str, int]] = field(default_factory=list)

    def started(self) -> str | None:
        self.events.append(("started", 0))
        return "it did not arrive"

    def ended(self, _schedule: Schedule, run: RunRecord) -> str | None:
        self.events.append(("ended", run.exit_code))
        return "it did not arrive"


def test_notices_hear_of_each_run_and_change_none(tmp_path: Path) -> None:
    nights, heard = _nights(tmp_path), Heard()
    nights.notices = (heard,)
    nights.pass_days(1)
    assert heard.events == [("started", 0), ("ended", 0)]
    for host in ("m1", "w1"):
        nights.world.kill(host)
    heard.events.clear()
    nights.run_once()
    assert heard.events == [("ended", 75)]  # what cannot begin is not announced


def test_no_backup_at_all_is_too_old_once_the_schedule_is(tmp_path: Path) -> None:
    nights = _nights(tmp_path, installed=datetime(2025, 12, 1, tzinfo=UTC))
    for host in ("m1", "w1"):
        nights.world.kill(host)
    record = nights.run_once()
    assert record.exit_code == 1
    assert "there is no complete backup" in record.lines[-1]


@pytest.mark.parametrize("is_first", [True, False])
def test_the_record_names_the_newest_complete_backup(tmp_path: Path, is_first: bool) -> None:  # noqa: FBT001
    nights = _nights(tmp_path)
    if not is_first:
        nights.run_once()
        nights.clock.sleep(60)
        nights.world.kill("w1")
    record = nights.run_once()
    assert record.newest is not None
    assert (record.newest == record.started) is is_first


def test_a_drill_comes_once_a_week_with_the_backup_of_that_night_and_one_that_fails_is_heard_of(tmp_path: Path) -> None:
    nights = _nights(tmp_path, drill="0 3 * * SUN")
    drilled: list[str] = []
    codes = iter((0, 16))

    def drill(entry: Entry) -> DrillRun:
        drilled.append(entry.name)
        return DrillRun(exit_code=next(codes), line=f"drill of {entry.name}")

    nights.drill = drill
    nights.pass_days(12)

    with_drill = [record for record in nights.runs if record.drilled]
    assert [f"{record.started:%a %d}" for record in with_drill] == ["Sun 04", "Sun 11"]
    assert drilled == [record.backup for record in with_drill]
    assert [record.exit_code for record in with_drill] == [0, 16]
    assert with_drill[1].lines[-1] == f"drill of {drilled[1]}"


def test_a_drill_that_could_not_take_place_fails_the_run_and_is_due_still(tmp_path: Path) -> None:
    nights = _nights(tmp_path, drill="0 3 * * SUN")

    def drill(_entry: Entry) -> DrillRun:
        raise LabError("no room", hint="make some")

    nights.drill = drill
    nights.pass_days(5)

    assert [record.exit_code for record in nights.runs] == [0, 0, 0, 1, 1]
    assert nights.runs[-1].lines[-1] == "no drill took place: no room (make some)"
    assert nights.runs[-1].backup is not None


def _archives(nights: Nights) -> list[str]:
    return [f"{one.header.created:%a %d}" for one in nights.backups if one.header and one.header.is_raft]


def _archiving(tmp_path: Path, **fields: object) -> Nights:
    """Return nights of three managers, one of which is archived once a week."""
    nights = _nights(tmp_path, managers=3, workers=0, raft="0 3 * * SUN", **fields)

    def take() -> str:
        taken = archive(
            nights.world.ports(),
            order_of_run(nights.clock.now()),
            vault=VAULT,
            repository=nights.repository,
            operator=operator(),
            agree=lambda _chosen: None,
        )
        return f"raft: {taken.manifest.host}"

    nights.archive = take
    return nights


def test_a_manager_is_archived_once_a_week_and_its_own_rule_says_how_many_stay(tmp_path: Path) -> None:
    nights = _archiving(tmp_path, keep_raft=2)
    nights.pass_days(26)
    assert [f"{record.started:%a %d}" for record in nights.runs if record.archived] == [
        "Sun 04",
        "Sun 11",
        "Sun 18",
        "Sun 25",
    ]
    assert _archives(nights) == ["Sun 25", "Sun 18"]
    assert {one.header.reason for one in nights.backups if one.header} == {Reason.SCHEDULE}
    assert len(nights.backups) == 26 + 2, "the rule is for archives alone"
    assert {record.exit_code for record in nights.runs} == {0}


def test_an_archive_that_would_cost_the_majority_fails_the_run_and_is_taken_once_it_would_not(tmp_path: Path) -> None:
    nights = _archiving(tmp_path)
    nights.world.kill("m3")
    nights.pass_days(5)
    refused = nights.runs[-2:]
    assert [(record.archived, bool(record.backup)) for record in refused] == [(False, True)] * 2
    assert "less than a majority" in refused[-1].lines[-1]
    nights.world.revive("m3")
    nights.pass_days(1)
    assert (_archives(nights), nights.runs[-1].exit_code) == (["Tue 06"], 0)
