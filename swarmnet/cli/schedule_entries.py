"""A schedule as ``schedule status`` shows it, whatever starts its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from swarmnet.model.schedule import History, Schedule
    from swarmnet.report.documents.schedule import ScheduleEntry


def entry_of(
    schedule: Schedule,
    history: History,
    newest: datetime | None,
    now: datetime,
    *,
    zone: tzinfo | None = None,
    service: tuple[str | None, str | None] = (None, None),
) -> ScheduleEntry:
    """Return a schedule for programs and people.

    Args:
        schedule: the schedule.
        history: what is remembered of its runs.
        newest: time of the newest complete backup.
        now: the time.
        zone: the zone that its times are in; None for this machine's.
        service: the node that runs it, where the swarm does, and why it does not or cannot be asked.
    """
    from swarmnet.edge.operator.chat import scheme
    from swarmnet.edge.operator.notices import origin
    from swarmnet.plan.schedule import age, is_due, next_due
    from swarmnet.report.documents.schedule import ScheduleEntry, run_entry

    old, (node, problem) = age(schedule, newest, now), service
    return ScheduleEntry(
        cluster=schedule.cluster,
        at=schedule.at,
        with_=schedule.with_.value,
        drill=schedule.drill,
        repository=schedule.repository,
        next=next_due(schedule.at, now, zone).isoformat(),
        due=is_due(schedule, history, now, zone),
        last=None if history.last is None else run_entry(history.last),
        newest=None if newest is None else newest.isoformat(),
        age=old.seconds,
        max_age=schedule.max_age,
        overdue=old.is_overdue,
        ping=None if schedule.ping is None else origin(schedule.ping),
        notify=[scheme(url) for url in schedule.notify],
        node=node,
        problem=problem,
    )
