"""What the commands of ``swarmnet schedule`` are built from: where schedules are, what starts runs, and one run."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from swarmnet.cli.schedule_entries import entry_of
from swarmnet.cli.scheduled_raft import archived
from swarmnet.cli.sealing import key_ring, opening_vault, remembering, sealing_vault, trusted_signers
from swarmnet.cli.wiring import note, this_operator
from swarmnet.errors import BackupNotFoundError, SwarmnetError, UsageError
from swarmnet.model.events import ignore
from swarmnet.model.schedule import Scheduler
from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from swarmnet.edge.operator.schedules import Schedules
    from swarmnet.model.clock import Clock
    from swarmnet.model.schedule import DrillRun, Notice, RunRecord, Schedule, Timer
    from swarmnet.model.sealed import Entry, Repository, Vault
    from swarmnet.model.state import ClusterState
    from swarmnet.report.documents.schedule import ScheduleEntry
    from swarmnet.workflows.backup import Taken
    from swarmnet.workflows.scheduled import Job

LOCK_WAIT = 300.0
"""Seconds that a scheduled run waits for the end of a change."""
_ERROR, _INFO = 3, 6
"""Priorities of sd-daemon(3) that journald reads at the beginning of a line."""
_SYSTEMD_RUNS = Path("/run/systemd/system")
"""The directory that is there where systemd runs the machine (sd_booted(3))."""


def schedules(directory: Path | None) -> Schedules:
    """Return the directory of schedules that was named, or the user's own."""
    from platformdirs import user_config_path

    from swarmnet.edge.operator.schedules import Schedules

    own = user_config_path("swarmnet", appauthor=False) / "schedules"
    return Schedules((own if directory is None else directory).absolute())


def chosen(word: str | None) -> Scheduler:
    """Return what is to start the runs: what was named, or what runs on this machine."""
    if word is not None:
        here = [one for one in Scheduler if one is not Scheduler.IN_SWARM]
        if word not in here:
            raise UsageError(f"--with {word}: unknown", hint=f"{', '.join(here)}; or --in-swarm instead")
        return Scheduler(word)
    if _SYSTEMD_RUNS.is_dir():
        return Scheduler.SYSTEMD_USER if os.geteuid() else Scheduler.SYSTEMD_SYSTEM
    if sys.platform == "darwin":
        return Scheduler.LAUNCHD
    if shutil.which("crontab"):
        return Scheduler.CRON
    raise UsageError("neither systemd nor cron is here", hint="install one of them, or name one with --with")


def timer(schedule: Schedule) -> Timer:
    """Return what starts the runs of a schedule."""
    from swarmnet.edge.backups.repository import slug
    from swarmnet.edge.timers.cron import Crontab
    from swarmnet.edge.timers.launchd import LaunchAgent
    from swarmnet.edge.timers.systemd import SystemdTimer
    from swarmnet.plan.schedule import calendar_events

    name = slug(schedule.cluster)
    if schedule.with_ is Scheduler.CRON:
        return Crontab()
    if schedule.with_ is Scheduler.LAUNCHD:
        return LaunchAgent(f"swarmnet.backup.{name}")
    user = schedule.with_ is Scheduler.SYSTEMD_USER
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return SystemdTimer(
        folder=config / "systemd" / "user" if user else Path("/etc/systemd/system"),
        name=f"swarmnet-backup-{name}",
        user=user,
        is_running=_SYSTEMD_RUNS.is_dir(),
        events=calendar_events(schedule.at),
    )


def command_line(store: Schedules, cluster: str, *, if_due: bool) -> tuple[str, ...]:
    """Return the run as schedulers start it: absolute paths, and nothing that is secret.

    -P keeps files of the working directory from being taken for modules of swarmnet.
    """
    module = (sys.executable, "-P", "-m", "swarmnet")
    flags = ("--if-due",) if if_due else ()
    return (*module, "schedule", "run", *flags, "--directory", str(store.directory), "--", cluster)


def carried_out(store: Schedules, cluster: str | None, *, if_due: bool) -> tuple[str, RunRecord | None]:
    """Do one run, remember it, and return its cluster and what became of it; None when no run was due.

    Raises:
        LockedError: another run of the same schedule goes on.
    """
    from swarmnet.edge.operator.clock import SystemClock
    from swarmnet.plan.schedule import after_run, is_due
    from swarmnet.workflows.scheduled import carry_out

    schedule, clock = store.get(cluster), SystemClock()
    if schedule.with_ is Scheduler.IN_SWARM:
        from swarmnet.cli import in_swarm

        if if_due:
            raise UsageError(f"the swarm runs the schedule of {schedule.cluster} itself when it is due")
        return schedule.cluster, in_swarm.run_now(schedule)
    with store.running(schedule.cluster):
        history = store.history(schedule.cluster)
        if if_due and not is_due(schedule, history, clock.now()):
            return schedule.cluster, None
        record = carry_out(_job(schedule, clock), history)
        store.remember(schedule.cluster, after_run(schedule, history, record))
    return schedule.cluster, record


def _job(schedule: Schedule, clock: Clock) -> Job:
    """Return one run; what is wrong with the keys is what its backup fails with, so that it is reported."""
    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.edge.backups.vault import AgeVault
    from swarmnet.workflows.scheduled import Job

    keys, repository = Path(schedule.keys), DirectoryRepository(Path(schedule.repository))
    take: Callable[[Callable[[], None]], Taken] = partial(_take, schedule, clock)
    try:
        vault = opening_vault(keys, None, None)
    except SwarmnetError as error:
        vault, take = AgeVault(), partial(_fail, error)
    return Job(
        schedule=schedule,
        take=take,
        repository=repository,
        vault=vault,
        clock=clock,
        copy=partial(copied, schedule, repository, vault),
        archive=partial(archived, schedule),
        drill=partial(_drilled, schedule, repository, vault),
        notices=notices(schedule),
        tell=say,
    )


def _fail(error: SwarmnetError, _answered: Callable[[], None]) -> Taken:
    raise error


def _take(schedule: Schedule, clock: Clock, answered: Callable[[], None]) -> Taken:
    """Take the backup of a scheduled run."""
    import uuid
    from importlib.metadata import version as installed

    from swarmnet.cli.options import Cluster
    from swarmnet.cli.sources import scheduled_sources
    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.model.backup import Reason
    from swarmnet.workflows.backup import Order, create, undisturbed
    from swarmnet.workflows.fleet.observe import RECORDED

    log = None if schedule.log_file is None else Path(schedule.log_file)
    cluster = Cluster(Path(schedule.inventory), schedule.timeout, schedule.verbosity, log_file=log)
    hosts, keys = cluster.read(), Path(schedule.keys)
    if hosts.cluster != schedule.cluster:
        raise UsageError(
            f"{schedule.inventory} is of cluster {hosts.cluster} by now, not of {schedule.cluster}",
            hint="run `swarmnet schedule install` for it, and `swarmnet schedule remove` for the old one",
        )
    vault = sealing_vault(keys, None, None, single_recipient=schedule.single_recipient)
    sources, lacks = scheduled_sources(schedule)
    with cluster.observed(hosts) as ports:
        order = Order(
            cluster=hosts.cluster,
            backup_id=uuid.uuid4().hex,
            created=clock.now(),
            tool=f"swarmnet {installed('swarmnet')}",
            reason=Reason.SCHEDULE,
            inventory=hosts,
            sources=sources,
        )

        def observe() -> ClusterState:
            state = undisturbed(ports, RECORDED, this_operator(), wait=LOCK_WAIT)
            answered()
            return state

        repository = DirectoryRepository(Path(schedule.repository))
        taken = create(order, observe, vault=vault, repository=repository, listener=ports.listener, now=clock.now)
    for warning in remembering(keys).made(taken.document):
        note(f"warning: {warning}")
    return replace(taken, lacks=lacks)


def copied(schedule: Schedule, repository: Repository, vault: Vault, entries: tuple[Entry, ...]) -> tuple[str, ...]:
    """Copy all backups to each target, since one that was away missed some; return what went wrong, a line for each."""
    if not schedule.to:
        return ()
    from swarmnet.cli.targets import destination
    from swarmnet.workflows.backup_copy import copy

    sound = tuple(one for one in entries if one.problem is None)
    said: list[str] = []
    for target in schedule.to:
        try:
            found = copy(sound, source=repository, vault=vault, to=destination(target), listener=ignore)
        except SwarmnetError as error:
            said.append(f"to {target}: {error}")
            continue
        failed = [one for one in found if one.problem is not None]
        if failed:
            said.append(f"{len(failed)} of {len(found)} backups to {target}: {failed[0].problem}")
    return tuple(said)


def targets_of(given: list[str] | None) -> tuple[str, ...]:
    """Return the targets of ``--to``, directories by their absolute paths.

    Raises:
        UsageError: one of them is none, or has a password in it.
    """
    if not given:
        return ()
    from swarmnet.cli.targets import named_target
    from swarmnet.edge.targets.location import is_url

    for text in given:
        named_target(text)
    return tuple(text if is_url(text) else str(Path(text).absolute()) for text in given)


def _drilled(schedule: Schedule, repository: Repository, vault: Vault, entry: Entry) -> DrillRun:
    from swarmnet.cli.drills import scheduled

    return scheduled(schedule, entry, repository, vault)


def notices(schedule: Schedule) -> tuple[Notice, ...]:
    """Return who hears of the runs."""
    from swarmnet.edge.operator.chat import ChatNotice
    from swarmnet.edge.operator.notices import FailureCommand, MetricsFile, Ping

    found: list[Notice] = []
    if schedule.metrics is not None:
        found.append(MetricsFile(Path(schedule.metrics)))
    if schedule.ping_url is not None:
        found.append(Ping(schedule.ping_url))
    if schedule.notify:
        found.append(ChatNotice(schedule.notify_urls))
    if schedule.on_failure:
        found.append(FailureCommand(schedule.on_failure, schedule.cluster))
    return tuple(found)


def say(text: str, is_problem: bool = False) -> None:
    """Print a line on stderr; for journald with its priority, which is not part of the line there."""
    priority = f"<{_ERROR if is_problem else _INFO}>" if _is_journal() else ""
    typer.echo(f"{priority}{on_one_line(text)}", err=True)


def _is_journal() -> bool:
    """Return whether journald reads stderr: programs inherit the variable also where it does not (systemd.exec(5))."""
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def standing(store: Schedules, schedule: Schedule, now: datetime) -> ScheduleEntry:
    """Return when a schedule's next backup comes, what became of the last run, and whether the newest is too old."""
    if schedule.with_ is Scheduler.IN_SWARM:
        from swarmnet.cli import in_swarm

        return in_swarm.standing(schedule, now)
    return entry_of(schedule, store.history(schedule.cluster), _newest(schedule, now), now)


def _newest(schedule: Schedule, now: datetime) -> datetime | None:
    """Return the time of the newest complete backup: what is on the disk counts, not what was remembered."""
    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.edge.backups.vault import AgeVault
    from swarmnet.plan.recovery.catalogue import newest_of
    from swarmnet.workflows.backup_lookup import listing

    try:
        vault = AgeVault(trusted=trusted_signers(key_ring(Path(schedule.keys)), None))
        return newest_of(listing(DirectoryRepository(Path(schedule.repository)), vault, schedule.cluster), now)
    except BackupNotFoundError:  # none was written yet, or its disk is not there: the age says so
        return None
    except SwarmnetError as error:
        note(f"warning: {error}")
        return None
