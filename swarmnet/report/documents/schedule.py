"""The JSON document of schedules: when backups come, what became of the last run, and whether the newest is too old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from swarmnet.report.documents.base import Entry, Output, Text

if TYPE_CHECKING:
    from swarmnet.model.schedule import RunRecord


class RunEntry(Entry):
    """What became of one run."""

    started: str = Field(description="ISO 8601.")
    seconds: float
    exit_code: int
    retry: bool = Field(description="True for a run that is due still: no host answered, or another had the lock.")
    soft: bool = Field(description="True for a failure that alarms no one.")
    backup: Text | None = Field(description="The backup that was written.")
    complete: bool
    size: int = Field(description="Bytes.")
    objects: dict[str, int] = Field(description="How many the backup holds, by kind.")
    drift: int | None = Field(description="Objects that differ from the backup before; null where that is not known.")
    drilled: bool = Field(description="True when the restore of the backup was rehearsed.")
    lines: list[Text]


class ScheduleEntry(Entry):
    """One schedule."""

    cluster: Text
    at: str = Field(description="A cron expression in local time; where the swarm runs it, in UTC.")
    with_: str = Field(alias="with", description="What starts the runs.")
    drill: str | None = Field(description="A cron expression: when runs rehearse the restore, too.")
    repository: Text
    next: str = Field(description="ISO 8601: the next time of the schedule.")
    due: bool = Field(description="True when a time has passed since the last run.")
    last: RunEntry | None
    newest: str | None = Field(description="ISO 8601: the newest complete backup.")
    age: float = Field(description="Seconds since the newest complete backup, or since the schedule was installed.")
    max_age: int = Field(description="Seconds.")
    overdue: bool = Field(description="True when the newest complete backup is too old.")
    ping: str | None = Field(description="Origin of the URL that hears of each run.")
    notify: list[str] = Field(description="Schemes of the services that hear of failures.")
    node: Text | None = Field(description="The node that runs it, where the swarm does.")
    problem: Text | None = Field(description="Why the swarm does not run it, or cannot be asked.")


class ScheduleStatusDocument(Output):
    """What ``schedule status --json`` prints."""

    schedules: list[ScheduleEntry]


class ScheduleInstallDocument(Output):
    """What ``schedule install --json`` prints."""

    schedule: ScheduleEntry
    command: list[Text] = Field(description="The run, as the timer starts it.")
    done: list[Text] = Field(description="What was written, and what is left to do by hand, in words.")


class ScheduleRunDocument(Output):
    """What ``schedule run --json`` prints."""

    cluster: Text
    run: RunEntry | None = Field(description="null when no run was due (--if-due).")


class ScheduleRemoveDocument(Output):
    """What ``schedule remove --json`` prints."""

    cluster: Text
    done: list[Text] = Field(description="What was removed, in words.")


class ScheduleImageDocument(Output):
    """What ``schedule image --json`` prints."""

    folder: Text
    files: list[Text] = Field(description="What was written there.")
    next: Text = Field(description="The command that builds and pushes the image; put your registry in it.")


def run_entry(run: RunRecord) -> RunEntry:
    """Return a run for programs."""
    return RunEntry(
        started=run.started.isoformat(),
        seconds=run.seconds,
        exit_code=run.exit_code,
        retry=run.retry,
        soft=run.soft,
        backup=run.backup,
        complete=run.complete,
        size=run.size,
        objects=run.objects,
        drift=run.drift,
        drilled=run.drilled,
        lines=list(run.lines),
    )
