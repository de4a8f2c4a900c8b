"""One run of a schedule: take a backup, open it again, compare, copy, prune, and say how it went.

A run that cannot begin now, since no host answers or another run changes the cluster, is worth repeating soon; it is a
failure only once the newest backup is too old. What goes wrong after the backup was written never takes it back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.errors import (
    BackupNotFoundError,
    ExitCode,
    LockedError,
    NothingReachableError,
    RefusedError,
    SwarmnetError,
)
from swarmnet.model.schedule import RunRecord
from swarmnet.operations.kinds import KINDS
from swarmnet.plan.recovery.catalogue import TIME, newest_of, usable
from swarmnet.plan.recovery.retention import Keep
from swarmnet.plan.schedule import age, is_alarmed, is_drill_due, is_raft_due, may_prune
from swarmnet.workflows.backup import compare, prune
from swarmnet.workflows.backup_lookup import check, listing, opened

if TYPE_CHECKING:
    from datetime import datetime

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.clock import Clock
    from swarmnet.model.schedule import DrillRun, History, Notice, Schedule
    from swarmnet.model.sealed import Entry, Repository, Vault
    from swarmnet.workflows.backup import Taken

_SOFT = (NothingReachableError, LockedError)
"""Errors of a run that is worth repeating soon."""

Copy = Callable[[tuple["Entry", ...]], tuple[str, ...]]
"""Copies what is not there yet; returns what could not be copied, in words."""


Tell = Callable[[str, bool], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One run: what to do, and with what."""

    schedule: Schedule
    take: Callable[[Callable[[], None]], Taken]
    """Takes a backup with the reason ``schedule``; calls what it gets as soon as the cluster has answered."""
    repository: Repository
    vault: Vault
    """Checks, and opens where an identity is available."""
    clock: Clock
    copy: Copy = lambda _entries: ()
    archive: Callable[[], str] | None = None
    """Archives a manager's whole state, never where that would cost the majority; returns a line."""
    drill: Callable[[Entry], DrillRun] | None = None
    """Rehearses the restore of a backup; None where the schedule wants none."""
    notices: tuple[Notice, ...] = ()
    tell: Tell = lambda _text, _is_problem: None
    """Gets each line as soon as it is known, and whether it is a problem."""


@dataclass
class _Course:
    """What happened so far."""

    tell: Tell
    lines: list[str] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def note(self, text: str, *, is_problem: bool = False) -> None:
        self.lines.append(text)
        self.tell(text, is_problem)

    def problem(self, code: int, text: str) -> None:
        self.problems.append((code, text))

    def ended(self) -> int:
        """Tell the problems, those that count most last, and return the exit code of the last."""
        for _code, text in sorted(self.problems, key=_weight):
            self.note(text, is_problem=True)
        return max(self.problems, key=_weight, default=(ExitCode.DONE, ""))[0]


def _weight(problem: tuple[int, str]) -> bool:
    """Return whether a problem is more than a host that is missing in the backup."""
    return problem[0] != ExitCode.INCOMPLETE


def carry_out(job: Job, history: History) -> RunRecord:
    """Do one run and return what became of it; only unexpected errors are raised.

    Args:
        job: what to do.
        history: what became of the runs before.
    """
    started, begun = job.clock.now(), job.clock.monotonic()
    course = _Course(job.tell)
    try:
        # Monitoring waits for the end of what it heard begin, so a run that cannot begin is not announced.
        taken = job.take(lambda: _tell_all(job, lambda notice: notice.started()))
    except SwarmnetError as error:
        record = _not_taken(job, error, course, history)
    else:
        record = _after(job, taken, course, history, started)
    record = record.model_copy(
        update={
            "started": started,
            "seconds": job.clock.monotonic() - begun,
            "newest": newest(job, history),
            "lines": tuple(course.lines),
        }
    )
    _tell_all(job, lambda notice: notice.ended(job.schedule, record))
    return record


def newest(job: Job, history: History) -> datetime | None:
    """Return the time of the newest complete backup, whatever its reason but a restore; None where there is none.

    While a target away from here does not answer, it is the one that was the newest after the run before.
    """
    try:
        return newest_of(_entries(job), job.clock.now())
    except SwarmnetError:
        return None if history.last is None else history.last.newest


def _entries(job: Job) -> tuple[Entry, ...]:
    try:
        return listing(job.repository, job.vault, job.schedule.cluster)
    except BackupNotFoundError:
        return ()


def _not_taken(job: Job, error: SwarmnetError, course: _Course, history: History) -> RunRecord:
    """Return a run without a backup; one that could not begin is repeated, and alarms once the newest is too old."""
    course.note(f"no backup was taken: {error}" + (f" ({error.hint})" if error.hint else ""), is_problem=True)
    retry, code, now = isinstance(error, _SOFT), error.exit_code, job.clock.now()
    soft, found = retry, newest(job, history)
    if retry and age(job.schedule, found, now).is_overdue:
        soft, code = is_alarmed(job.schedule, history, now), ExitCode.FAILED
        course.note(_too_old(job.schedule, found), is_problem=True)
    return RunRecord(started=now, exit_code=code, retry=retry, soft=soft)


def _too_old(schedule: Schedule, found: datetime | None) -> str:
    limit = f"older than {schedule.max_age / 3600:g} hours (--max-age)"
    if found is None:
        return f"there is no complete backup of {schedule.cluster}, and the schedule is {limit}"
    return f"the newest complete backup of {schedule.cluster} is of {found:{TIME}}: {limit}"


def _after(job: Job, taken: Taken, course: _Course, history: History, started: datetime) -> RunRecord:
    document = taken.document
    word = "complete" if document.completeness.complete else "PARTIAL"
    course.note(f"{taken.url or taken.path}  {taken.size} B  {word}")
    for missing in document.completeness.failures:
        course.problem(ExitCode.INCOMPLETE, f"missing in the backup: {missing.host}: {missing.reason}")
    for text in taken.lacks:
        course.problem(ExitCode.FAILED, text)
    archived = _archive(job, course, history)
    try:
        entries = _entries(job)
    except SwarmnetError as error:
        course.problem(ExitCode.FAILED, f"the new backup was not read back: {error}")
        return RunRecord(
            started=started,
            exit_code=course.ended(),
            size=taken.size,
            objects=_counts(document),
            archived=archived,
        )
    mine = tuple(one for one in entries if one.id == document.id)
    _open_again(job, mine, course)
    drift = _drift(job, document, tuple(one for one in entries if one not in mine), course)
    for text in job.copy(entries):
        course.problem(ExitCode.FAILED, f"not copied: {text}")
    _prune(job, course, history)
    drilled = _drill(job, mine, course, history)
    return RunRecord(
        started=started,
        exit_code=course.ended(),
        backup=mine[0].name if mine else None,
        complete=document.completeness.complete,
        size=taken.size,
        objects=_counts(document),
        drift=drift,
        drilled=drilled,
        archived=archived,
    )


def _archive(job: Job, course: _Course, history: History) -> bool:
    """Archive a manager's state where that is due; one that was not taken is tried again by the next run."""
    if job.archive is None or not is_raft_due(job.schedule, history, job.clock.now()):
        return False
    try:
        course.note(job.archive())
    except SwarmnetError as error:
        hint = f" ({error.hint})" if error.hint else ""
        course.problem(ExitCode.FAILED, f"no raft archive was taken: {error}{hint}")
        return False
    return True


def _open_again(job: Job, mine: tuple[Entry, ...], course: _Course) -> None:
    """Read the new backup back from the disk: open it where an identity is available, else check its digest."""
    results = check(mine, repository=job.repository, vault=job.vault)
    if not results:
        course.problem(ExitCode.FAILED, "the new backup is gone again: something else removed it")
    for one in results:
        if one.problem is not None:
            course.problem(one.problem.exit_code, f"the new backup cannot be used: {one.problem}")
        else:
            course.note("opened again" if one.opened else "signature and digest are right; no identity to open it with")


def _drift(job: Job, document: BackupDocument, before: tuple[Entry, ...], course: _Course) -> int | None:
    """Return how many objects differ from the newest complete backup before; None where that is not known."""
    earlier = next((one for one in usable(before) if one.header and one.header.created < document.created), None)
    if earlier is None or not job.vault.can_open:
        return None
    try:
        found = compare(opened(earlier, repository=job.repository, vault=job.vault), document)
    except SwarmnetError as error:
        course.note(f"not compared with {earlier.name}: {error}")
        return None
    changed = [f"{one.ref.kind} {one.object}" for one in found.differences]
    course.note(f"since {earlier.name}: {', '.join(changed[:10]) or 'no change'}{' ...' if changed[10:] else ''}")
    return len(changed)


def _drill(job: Job, mine: tuple[Entry, ...], course: _Course, history: History) -> bool:
    """Rehearse the restore of the new backup where that is due; return whether it took place."""
    if job.drill is None or not mine or not is_drill_due(job.schedule, history, job.clock.now()):
        return False
    try:
        ended = job.drill(mine[0])
    except SwarmnetError as error:
        course.problem(ExitCode.FAILED, f"no drill took place: {error}" + (f" ({error.hint})" if error.hint else ""))
        return False
    if ended.exit_code:
        course.problem(ended.exit_code, ended.line)
    else:
        course.note(ended.line)
    return True


def _prune(job: Job, course: _Course, history: History) -> None:
    schedule = job.schedule
    if not schedule.keeps:
        return
    if not may_prune(schedule, history, job.clock.now()):
        limit = f"{schedule.max_age / 3600:g} hours"
        course.note(f"nothing was pruned: runs have not come regularly for {limit}, or the clock jumped")
        return
    keep = Keep(
        last=schedule.keep_last, daily=schedule.keep_daily, weekly=schedule.keep_weekly, raft=schedule.keep_raft
    )
    try:
        gone = prune(
            keep,
            schedule.cluster,
            repository=job.repository,
            vault=job.vault,
            now=job.clock.now(),
            remove=True,
        )
    except RefusedError as error:
        course.note(f"nothing was pruned: {error}")
        return
    except SwarmnetError as error:
        course.problem(error.exit_code, f"not pruned: {error}")
        return
    for one in gone:
        if one.problem is None:
            course.note(f"removed {one.entry.name}")
        else:
            course.problem(one.problem.exit_code, f"not removed: {one.entry.name}: {one.problem}")


def _counts(document: BackupDocument) -> dict[str, int]:
    return {word: count for kind in KINDS for word, count in kind.counts(document.state).items()}


def _tell_all(job: Job, say: Callable[[Notice], str | None]) -> None:
    for notice in job.notices:
        if problem := say(notice):
            job.tell(f"warning: {problem}", True)  # noqa: FBT003 - a protocol of two values
