"""Timers as the programs read them that start the runs: the real systemd-analyze, a real cron in a spool of its own."""

from __future__ import annotations

import plistlib
import re
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.timers.cron import Crontab, entry
from swarmnet.edge.timers.launchd import LaunchAgent
from swarmnet.edge.timers.marked import MARK, marked, run
from swarmnet.edge.timers.systemd import SystemdTimer
from swarmnet.errors import UsageError
from swarmnet.plan.schedule import calendar_events, next_due
from tests.support.nights import a_schedule
from tests.support.waiting import await_from

if TYPE_CHECKING:
    from collections.abc import Sequence

CLUSTER = 'pr%d "x" $HOME \\\nnext'
SCHEDULE = a_schedule(Path("/s"), cluster=CLUSTER)
HOSTILE = ("/bin/true", 'a "b"', "c %n $d \\ 'e'", "--", "100%")


class Systemctl:
    """A machine where systemd runs: it remembers what it is asked."""

    def __init__(self, code: int = 0) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.code = code

    def __call__(self, argv: Sequence[str]) -> tuple[int, str, str]:
        self.asked.append(tuple(argv))
        return self.code, "", "no such bus\n" if self.code else ""


def _timer(folder: Path, at: str = "0 3 * * *", *, ask: Systemctl | None = None, user: bool = True) -> SystemdTimer:
    return SystemdTimer(folder, "swarmnet-backup-prod", user, ask is not None, calendar_events(at), ask or Systemctl())


def test_units_are_written_started_replaced_and_removed(tmp_path: Path) -> None:
    systemctl = Systemctl()
    timer = _timer(tmp_path / "user", ask=systemctl)
    for _again in range(2):
        assert len(timer.install(SCHEDULE, HOSTILE)) == 2
    assert systemctl.asked[:2] == [
        ("systemctl", "--user", "daemon-reload"),
        ("systemctl", "--user", "enable", "--now", "swarmnet-backup-prod.timer"),
    ]
    systemctl.asked.clear()
    assert len(timer.remove(SCHEDULE)) == 2
    assert systemctl.asked[0][2:] == ("disable", "--now", "swarmnet-backup-prod.timer")
    assert [*(tmp_path / "user").iterdir()] == []
    assert timer.remove(SCHEDULE) == ()


def test_files_of_others_are_neither_replaced_nor_removed(tmp_path: Path) -> None:
    timer = _timer(tmp_path, ask=Systemctl())
    service, unit = timer.files
    unit.write_text("[Timer]\nOnCalendar=yearly\n")
    with pytest.raises(UsageError, match="was not made by swarmnet"):
        timer.install(SCHEDULE, HOSTILE)
    assert not service.exists()
    assert "stays" in timer.remove(SCHEDULE)[0]
    unit.unlink()
    unit.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        timer.install(SCHEDULE, HOSTILE)


def test_where_systemd_does_not_run_or_fails_the_commands_are_shown(tmp_path: Path) -> None:
    absent = _timer(tmp_path / "a", user=False).install(SCHEDULE, HOSTILE)
    assert absent[-1].endswith("systemctl enable --now swarmnet-backup-prod.timer")
    failing = _timer(tmp_path / "b", ask=Systemctl(1)).install(SCHEDULE, HOSTILE)
    assert failing[-1].endswith("failed: no such bus")


@pytest.mark.lab
@pytest.mark.parametrize("user", [True, False], ids=["user", "system"])
@pytest.mark.parametrize("at", ["0 3 * * *", "15 4 13 * FRI"])
def test_systemd_accepts_the_units(tmp_path: Path, user: bool, at: str) -> None:  # noqa: FBT001
    program = tmp_path / "a b 100% $x" / "swarmnet"
    program.parent.mkdir()
    program.symlink_to("/bin/true")
    timer = _timer(tmp_path / "units", at, ask=Systemctl())
    timer.install(SCHEDULE, (str(program), *HOSTILE[1:]))
    argv = ["systemd-analyze", "--user" if user else "--system", "verify", *map(str, timer.files)]
    done = subprocess.run(argv, env={"XDG_RUNTIME_DIR": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_program_that_systemd_cannot_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="quotes"):
        _timer(tmp_path).install(SCHEDULE, (str(tmp_path / 'a "b"'),))
    assert [*tmp_path.iterdir()] == []


@pytest.mark.lab
def test_systemd_finds_a_program_that_is_not_there(tmp_path: Path) -> None:
    timer = _timer(tmp_path, ask=Systemctl())
    timer.install(SCHEDULE, (str(tmp_path / "none"),))
    argv = ["systemd-analyze", "verify", *map(str, timer.files)]
    assert subprocess.run(argv, capture_output=True, check=False).returncode


@pytest.mark.lab
@pytest.mark.parametrize(
    "at",
    [
        "0 * * * *",
        "0 3 * * *",
        "0 3 * * SUN",
        "*/7 1-5 * * *",
        "30 2 1,15 * *",
        "15 4 13 * FRI",
        "0 0 29 2 *",
        "5 */6 * JAN-MAR 1-5",
        "0 12 */10 * MON",
        "59 23 31 12 *",
        "0 0 * * 7",
    ],
)
def test_systemd_means_the_same_times_as_the_cron_expression(at: str) -> None:
    base = datetime(2026, 3, 15, 12, 0, 30, tzinfo=UTC)
    found: list[datetime] = []
    for event in calendar_events(at):
        argv = ["systemd-analyze", "calendar", "--iterations=12", f"--base-time={base:%Y-%m-%d %H:%M:%S UTC}", event]
        done = subprocess.run(argv, env={"TZ": "UTC"}, capture_output=True, text=True, check=True)
        times = re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", done.stdout)
        found += [datetime.fromisoformat(f"{time}+00:00") for time in times]
    expected = [base]
    while len(expected) < 9:
        expected.append(next_due(at, expected[-1], UTC))
    assert sorted({time for time in found if time > base})[:8] == expected[1:]


class Spool:
    """A crontab in memory, as ``crontab`` shows and takes it."""

    def __init__(self, text: str | None = None, error: str = "") -> None:
        self.text = text
        self.error = error

    def __call__(self, argv: tuple[str, ...], text: str | None = None) -> tuple[int, str, str]:
        if self.error:
            return 1, "", self.error
        if argv == ("crontab", "-"):
            self.text = text
            return 0, "", ""
        return (1, "", "no crontab for ann\n") if self.text is None else (0, self.text, "")


THEIRS = f"MAILTO=ops\n# a comment\n*/10 * * * * their job\n{marked('other')}\n*/10 * * * * other run\n"


def test_a_crontab_gets_two_lines_and_loses_only_these() -> None:
    spool = Spool(THEIRS)
    crontab = Crontab(spool)
    for _again in range(2):
        crontab.install(SCHEDULE, HOSTILE)
    assert spool.text is not None
    assert spool.text.startswith(THEIRS)
    assert len(spool.text.splitlines()) == len(THEIRS.splitlines()) + 2
    assert len(crontab.remove(SCHEDULE)) == 1
    assert spool.text == THEIRS
    assert crontab.remove(SCHEDULE) == ()


def test_a_mark_whose_entry_was_removed_by_hand_takes_no_line_of_others_along() -> None:
    spool = Spool(f"{marked(CLUSTER)}\n0 1 * * * theirs\n")
    Crontab(spool).remove(SCHEDULE)
    assert spool.text == "0 1 * * * theirs\n"


def test_a_first_crontab_is_made_and_one_that_cannot_be_read_is_not_replaced() -> None:
    spool = Spool()
    Crontab(spool).install(SCHEDULE, HOSTILE)
    assert str(spool.text).startswith(MARK)
    with pytest.raises(UsageError, match="permission"):
        Crontab(Spool(THEIRS, "permission denied")).install(SCHEDULE, HOSTILE)


SCRIPT = """
set -e
mount -t tmpfs spool /var/spool/cron/crontabs
chown root:crontab /var/spool/cron/crontabs && chmod 1730 /var/spool/cron/crontabs
mount -t tmpfs run /run
mount -t tmpfs shm /dev/shm
crontab -n "$1" && crontab "$1"
exec faketime -f '@2026-01-01 02:59:40 x20' cron -f
"""


@pytest.mark.lab
def test_a_real_cron_starts_the_run_with_its_words_whole_and_hardly_any_environment(tmp_path: Path) -> None:
    ran, part = tmp_path / "ran", tmp_path / "part"
    code = f"import os, sys; open({str(part)!r}, 'w').write(repr((sys.argv[1:], sorted(os.environ)))); "
    code += f"os.rename({str(part)!r}, {str(ran)!r})"
    spool = Spool()
    Crontab(spool).install(SCHEDULE, ("/usr/bin/python3", "-c", code, *HOSTILE[1:4], "50% off"))
    table = tmp_path / "table"
    table.write_text(str(spool.text))
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", SCRIPT, "sh", str(table)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as daemon:
        try:
            await_from(daemon, ran.exists)
        finally:
            daemon.kill()
    words, environment = eval(ran.read_text(), {})  # noqa: S307 - what the test itself wrote
    assert words == [*HOSTILE[1:4], "50% off"]
    assert not {name for name in environment if name.startswith(("SWARMNET", "XDG", "VIRTUAL"))}


def test_an_entry_is_one_line_for_a_shell() -> None:
    line = entry(("/bin/true", "50% off", "it's"))
    assert shlex.split(line.removeprefix("*/10 * * * * ").replace("\\%", "%")) == ["/bin/true", "50% off", "it's"]


def test_a_line_break_in_a_word_cannot_be_an_entry_of_its_own() -> None:
    with pytest.raises(UsageError):
        entry(("/bin/true", "a\n* * * * * rm"))


def test_launchd_gets_a_property_list_that_reads_back() -> None:
    *lines, advice = LaunchAgent("swarmnet.backup.prod").install(SCHEDULE, HOSTILE)
    read = plistlib.loads("\n".join(lines).encode())
    assert read["ProgramArguments"] == list(HOSTILE)
    assert "launchctl load" in advice


def test_a_program_that_is_not_there_is_a_code_and_not_an_error(tmp_path: Path) -> None:
    assert run((str(tmp_path / "none"),))[0] == 127
    assert run(("cat",), "said")[:2] == (0, "said")
