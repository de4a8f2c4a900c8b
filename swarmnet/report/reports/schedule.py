"""Schedules at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.console import line, printed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.report.documents.schedule import (
        RunEntry,
        ScheduleEntry,
        ScheduleImageDocument,
        ScheduleInstallDocument,
        ScheduleRemoveDocument,
        ScheduleRunDocument,
        ScheduleStatusDocument,
    )
    from swarmnet.report.terminal.console import Line

_HOUR = 3600.0


def schedule_report(document: ScheduleStatusDocument) -> Report:
    """Return all schedules: a check for the age of the newest backup, and one for the last run."""
    checks = [check for one in document.schedules for check in _checks(one)]
    lines = [text for one in document.schedules for text in _lines(one)]
    return Report("schedule status", document, tuple(checks), printed(lines))


def installed_report(document: ScheduleInstallDocument, lines: Iterable[Line]) -> Report:
    """Return a schedule that was just installed."""
    one = document.schedule
    return Report("schedule install", document, tuple(_checks(one)), printed((*document.done, *lines)))


def run_report(document: ScheduleRunDocument) -> Report:
    """Return a run that just ended; people read its lines while it went on."""
    if document.run is None:
        none = Check("run", document.cluster, Status.OK, "not due")
        return Report("schedule run", document, (none,), printed(()))
    return Report("schedule run", document, (_check_of(document.cluster, document.run),), printed(()))


def removed_report(document: ScheduleRemoveDocument) -> Report:
    """Return a schedule that is gone."""
    gone = Check("schedule", document.cluster, Status.OK, "removed")
    return Report("schedule remove", document, (gone,), printed(document.done))


def image_report(document: ScheduleImageDocument) -> Report:
    """Return what an image is built from, and the next command."""
    written = Check("image", document.folder, Status.OK, "written")
    lines = (*(f"wrote {document.folder}/{name}" for name in document.files), f"next: {document.next}")
    return Report("schedule image", document, (written,), printed(lines))


def _checks(one: ScheduleEntry) -> Iterator[Check]:
    yield Check(
        "schedule",
        one.cluster,
        Status.FAILED if one.overdue else Status.OK,
        _newest(one),
        f"swarmnet schedule run {one.cluster}" if one.overdue else "",
    )
    if one.problem is not None:
        yield Check("scheduler", one.cluster, Status.FAILED, one.problem)
    if one.last is not None:
        yield _check_of(one.cluster, one.last)


def _check_of(cluster: str, run: RunEntry) -> Check:
    status = Status.OK if run.exit_code == 0 else Status.WARNING if run.soft else Status.FAILED
    return Check("run", f"{cluster} {run.started}", status, _ended(run))


def _lines(one: ScheduleEntry) -> Iterator[Line]:
    yield line(f"{one.cluster}  ", _word(one), f"  {_newest(one)}")
    where = f"{one.with_} on {one.node}" if one.node else one.with_
    yield f"  next   {one.next} ({one.at}, {where}){'; a run is due now' if one.due else ''}"
    if one.problem is not None:
        yield line("  ", ("NOT RUNNING", "red"), f"  {one.problem}")
    if one.last is None:
        yield "  last   no run yet"
    else:
        yield f"  last   {one.last.started}: {_ended(one.last)}"


def _word(one: ScheduleEntry) -> tuple[str, str]:
    """Return how a schedule does in a word, with its colour."""
    if one.overdue:
        return "OVERDUE", "red"
    if one.last is not None and one.last.exit_code != 0:
        return "last run failed", "yellow"
    return ("no backup yet", "yellow") if one.newest is None else ("ok", "green")


def _newest(one: ScheduleEntry) -> str:
    limit = f"may be {one.max_age / _HOUR:g} h old"
    if one.newest is None:
        return f"no complete backup in {one.repository} since {one.age / _HOUR:.1f} h; the newest {limit}"
    return f"newest complete backup is {one.age / _HOUR:.1f} h old; it {limit}"


def _ended(run: RunEntry) -> str:
    what = "well" if run.exit_code == 0 else f"exit {run.exit_code}"
    last = f": {run.lines[-1]}" if run.lines and run.exit_code else ""
    drift = "" if run.drift is None else f", {count(run.drift, 'object')} changed"
    return f"{what} after {run.seconds:.1f} s{drift}{last}"
