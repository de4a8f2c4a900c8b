"""Backups on a schedule: what was agreed on at ``schedule install``, and what became of each run."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import AwareDatetime, Field, StrictInt

from swarmnet.model.base import Count, Document, Flag, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping


class Scheduler(StrEnum):
    """What starts the runs."""

    SYSTEMD_USER = "systemd-user"
    SYSTEMD_SYSTEM = "systemd-system"
    CRON = "cron"
    LAUNCHD = "launchd"
    IN_SWARM = "in-swarm"
    """A service of the cluster itself."""


class Schedule(Document):
    """Everything that a run needs: it starts with an empty environment, in any directory. All paths are absolute."""

    schema_version: Literal[1] = 1
    cluster: str = Field(min_length=1)
    inventory: str
    repository: str
    keys: str
    single_recipient: Flag = False
    at: str
    """A cron expression of five fields, in the local time of the machine that runs it; in the swarm, in UTC."""
    with_: Scheduler
    keep_last: Count = 0
    keep_daily: Count = 0
    keep_weekly: Count = 0
    to: tuple[str, ...] = ()
    """Targets that each backup is copied to."""
    max_age: Count
    """Seconds after which the newest backup is too old."""
    ping: str | None = Field(default=None, repr=False)
    """URL that hears of each run; anyone who knows it can report a success."""
    notify: tuple[str, ...] = Field(default=(), repr=False)
    """URLs of services that hear of failures, with tokens and passwords in them."""
    on_failure: tuple[str, ...] = Field(default=(), repr=False)
    """Command that runs after a failure."""
    timeout: float | None = None
    """Seconds that one wait may take; None leaves each its own limit."""
    verbosity: Count = 0
    log_file: str | None = None
    metrics: str | None = None
    """File for Prometheus' textfile collector."""
    drill: str | None = None
    """A cron expression: the first run after such a time rehearses the restore of its backup."""
    drill_on: str | None = None
    """The inventory of spare hosts that drills take place on; None for a lab."""
    drill_secrets: str | None = None
    """Where drills take the values of secrets from: ``env:PREFIX`` or a file of the operator's. No value is here."""
    drill_target: float | None = None
    """Seconds that the recovery of a drill may take; a slower one fails."""
    raft: str | None = None
    """A cron expression: the first run after such a time archives a manager's whole state, too."""
    keep_raft: Count = 0
    """Raft archives that are kept; 0 keeps them by the rules of backups."""
    playbook: str | None = None
    """The playbook that each backup keeps, with the files that it names."""
    installed: AwareDatetime

    @property
    def ping_url(self) -> Secret | None:
        """The URL, masked wherever it is printed."""
        return None if self.ping is None else Secret(self.ping)

    @property
    def notify_urls(self) -> tuple[Secret, ...]:
        """The URLs of services, masked wherever they are printed."""
        return tuple(Secret(url) for url in self.notify)

    @property
    def keeps(self) -> bool:
        """True when a rule says what to keep; without one, nothing is removed."""
        return bool(self.keep_last or self.keep_daily or self.keep_weekly or self.keep_raft)


class RunRecord(Document):
    """What became of one run."""

    started: AwareDatetime
    seconds: float = 0.0
    exit_code: StrictInt
    retry: Flag = False
    """True where the run could not begin, and is due still: no host answered, or another run had the lock."""
    soft: Flag = False
    """True for a failure that alarms no one: such a run, while the newest backup is young, or an alarm was raised."""
    lines: tuple[str, ...] = ()
    """What happened, for people; the last one is the worst."""
    backup: str | None = None
    """The name of the backup that was written."""
    complete: Flag = False
    size: Count = 0
    """Bytes."""
    objects: dict[str, int] = Field(default_factory=dict)
    """How many the backup holds, by kind."""
    drift: Count | None = None
    """Objects that differ from the backup before; None where they could not be compared."""
    newest: AwareDatetime | None = None
    """Time of the newest complete backup after this run."""
    drilled: Flag = False
    """True when the restore of the backup was rehearsed, whatever came of it."""
    archived: Flag = False
    """True when a manager's whole state was archived."""


class DrillRun(Document):
    """How the drill of a run ended; its report has the rest."""

    exit_code: StrictInt
    line: str


class History(Document):
    """What is remembered between two runs."""

    schema_version: Literal[1] = 1
    last: RunRecord | None = None
    attempted: AwareDatetime | None = None
    """Start of the last run that ended for good: one that could not begin is still due."""
    alarmed: AwareDatetime | None = None
    """Start of the last run that failed and alarmed."""
    drilled: AwareDatetime | None = None
    """Start of the last run with a drill."""
    archived: AwareDatetime | None = None
    """Start of the last run with a raft archive."""
    regular_since: AwareDatetime | None = None
    """Since when runs have come without a long pause or a step back in time."""


class Notice(Protocol):
    """Someone who hears of a run.

    Each method returns what went wrong with that, and never raises: a backup does not fail because a
    notice does not arrive.
    """

    def started(self) -> str | None:
        """Say that a run began, and that hosts answer."""

    def ended(self, schedule: Schedule, run: RunRecord) -> str | None:
        """Say how it ended."""


class Timer(Protocol):
    """What makes the runs start at their times."""

    def install(self, schedule: Schedule, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Install the timer of a schedule, which replaces the one that it had; return what to tell the operator.

        Args:
            schedule: when, and for which cluster.
            argv: the run, with absolute paths.

        Raises:
            UsageError: a file that is not ours has that name, or it cannot be written.
        """

    def remove(self, schedule: Schedule) -> tuple[str, ...]:
        """Take away what ``install`` made, and only that; return what to tell the operator."""


def overview(record: RunRecord) -> Mapping[str, str]:
    """Return what a command that runs after a failure gets as its environment."""
    return {"EXIT_CODE": str(record.exit_code), "BACKUP": record.backup or ""}
