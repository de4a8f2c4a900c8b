"""When backups are due, when the newest is too old, and when a clock cannot be trusted. Pure: time is an argument.

Times of a schedule are local: a naive time is read in the zone of the machine, also across a change to summer time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from cronsim import CronSim, CronSimError

from swarmnet.errors import UsageError
from swarmnet.model.schedule import History
from swarmnet.plan.recovery.catalogue import is_ahead

if TYPE_CHECKING:
    from datetime import tzinfo

    from swarmnet.model.schedule import RunRecord, Schedule

NAMED = {"hourly": "0 * * * *", "daily": "0 3 * * *", "weekly": "0 3 * * SUN", "monthly": "0 3 1 * *"}
"""Words for common times: at night, since a backup is one look at all hosts."""
_SAMPLE = 40
"""Runs that are looked at for the longest pause between two."""
_LEAST = 7200
"""Seconds: a newest backup younger than this is never too old."""


def cron_expression(at: str, option: str = "--at") -> str:
    """Return the five fields that the words of ``--at``, or of another option, mean.

    Raises:
        UsageError: it is neither a word nor such an expression, or it never comes.
    """
    expression = NAMED.get(at, at)
    fields = expression.split()
    if len(fields) != 5 or any(letter in fields[2] for letter in "LlWw") or {"#", "L", "l"} & set(fields[4]):  # noqa: PLR2004
        raise UsageError(
            f"{option} {at!r} is not a time", hint=f"{', '.join(NAMED)}, or five fields as in a crontab: '30 2 * * *'"
        )
    try:
        next(CronSim(expression, datetime(2024, 1, 1)))  # noqa: DTZ001 - local time
    except (CronSimError, StopIteration, ValueError) as error:
        raise UsageError(
            f"{option} {at!r}: {str(error) or 'it never comes'}", hint="for example '30 2 * * *'"
        ) from None
    return " ".join(fields)


def next_due(at: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """Return the next time of the schedule after now, in UTC; ``zone`` None is this machine's."""
    return _utc(next(CronSim(at, _local(now, zone))), zone)


def last_due(at: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """Return the last time of the schedule that is not after now, in UTC."""
    later = _local(now, zone) + timedelta(seconds=1)
    return _utc(next(CronSim(at, later, reverse=True)), zone)


def is_due(schedule: Schedule, history: History, now: datetime, zone: tzinfo | None = None) -> bool:
    """Return whether a run is due: once for all times that were missed since the last one.

    A last run from the future was under a clock that ran ahead; it does not count.
    """
    return _passed(schedule.at, history.attempted or schedule.installed, now, zone)


def is_drill_due(schedule: Schedule, history: History, now: datetime, zone: tzinfo | None = None) -> bool:
    """Return whether a run rehearses the restore, too: once for all times that passed since the last drill."""
    return schedule.drill is not None and _passed(schedule.drill, history.drilled or schedule.installed, now, zone)


def is_raft_due(schedule: Schedule, history: History, now: datetime, zone: tzinfo | None = None) -> bool:
    """Return whether a run archives a manager's state, too: once for all times since the last archive."""
    return schedule.raft is not None and _passed(schedule.raft, history.archived or schedule.installed, now, zone)


def _passed(at: str, done: datetime, now: datetime, zone: tzinfo | None) -> bool:
    return is_ahead(done, now) or done < last_due(at, now, zone)


def patience(at: str, now: datetime) -> int:
    """Return for how many seconds a newest backup is young enough by default: twice the longest pause between runs."""
    times = [*islice(CronSim(at, now.replace(tzinfo=None)), _SAMPLE)]
    longest = max((later - sooner for sooner, later in pairwise(times)), default=timedelta(days=366))
    return max(_LEAST, int(2 * longest.total_seconds()))


@dataclass(frozen=True, slots=True)
class Age:
    """How old the newest complete backup is, and what that means."""

    seconds: float
    """Since the newest; where there is none, since the schedule was installed."""
    is_overdue: bool


def age(schedule: Schedule, newest: datetime | None, now: datetime) -> Age:
    """Return the age of the newest complete backup; one from the future says nothing, so it is too old."""
    since = newest or schedule.installed
    seconds = (now - since).total_seconds()
    return Age(max(0.0, seconds), seconds > schedule.max_age or is_ahead(since, now))


def after_run(schedule: Schedule, history: History, run: RunRecord) -> History:
    """Return what to remember after a run."""
    return History(
        last=run,
        attempted=history.attempted if run.retry else run.started,
        alarmed=run.started if run.exit_code and not run.soft else history.alarmed,
        drilled=run.started if run.drilled else history.drilled,
        archived=run.started if run.archived else history.archived,
        regular_since=regular_since(schedule, history, run.started),
    )


def is_alarmed(schedule: Schedule, history: History, now: datetime) -> bool:
    """Return whether an alarm was raised so lately that a run which is repeated within minutes raises none."""
    return history.alarmed is not None and 0 <= (now - history.alarmed).total_seconds() < schedule.max_age / 2


def regular_since(schedule: Schedule, history: History, now: datetime) -> datetime:
    """Return since when runs have come regularly, with one now: it begins again when the clock may have jumped."""
    if history.last is None or history.regular_since is None:
        return now
    passed = (now - history.last.started).total_seconds()
    return history.regular_since if 0 <= passed <= schedule.max_age else now


def may_prune(schedule: Schedule, history: History, now: datetime) -> bool:
    """Return whether the clock can be believed: for as long as ``max_age``, runs have come regularly.

    A clock that jumps makes old backups look older than they are, or new ones look old, so nothing goes for a while.
    A machine that was off for long looks the same, and prunes again a little later.
    """
    return (now - regular_since(schedule, history, now)).total_seconds() >= schedule.max_age


def calendar_events(at: str) -> tuple[str, ...]:
    """Return a cron expression as systemd's ``OnCalendar=``: two of them where cron means either of two days."""
    found = CronSim(at, datetime(2024, 1, 1))  # noqa: DTZ001 - local time
    time = f"{_numbers(found.hours, 24)}:{_numbers(found.minutes, 60)}:00"
    months = _numbers(found.months, 12)
    days = _numbers(found.days, 31)
    week = sorted({number % 7 for number in found.weekdays if isinstance(number, int)})
    names = "" if len(week) == 7 else ",".join(_WEEK[number] for number in week)  # noqa: PLR2004
    if found.day_and or not names or days == "*":
        return (f"{names} *-{months}-{days} {time}".strip(),)
    return f"*-{months}-{days} {time}", f"{names} *-{months}-* {time}"


_WEEK = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def _numbers(numbers: set[int], all_of_them: int) -> str:
    return "*" if len(numbers) == all_of_them else ",".join(f"{number:02}" for number in sorted(numbers))


def _local(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _utc(local: datetime, zone: tzinfo | None) -> datetime:
    return (local.astimezone() if zone is None else local.replace(tzinfo=zone)).astimezone(UTC)
