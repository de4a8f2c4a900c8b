"""``swarmnet schedule``: backups that come by themselves, and a word when they do not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.in_swarm import There
from swarmnet.cli.in_swarm_options import InSwarm, kept_playbook
from swarmnet.cli.keeping import Keeping
from swarmnet.cli.options import InventoryOption, LogFileOption, TimeoutOption, VerboseOption, grouped
from swarmnet.cli.output import Output
from swarmnet.cli.sealing import KeysOption, SingleOption
from swarmnet.cli.sources import PlaybookInBackup, read_sources
from swarmnet.cli.timing import Telling, Timing
from swarmnet.cli.wiring import note
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from swarmnet.edge.operator.schedules import Schedules
    from swarmnet.model.schedule import Schedule

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet schedule install -i prod.yml --at daily --keep-daily 7 --keep-weekly 4"

DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--directory", metavar="DIR", help="Directory of the schedules; default: the user's own.", show_default=False
    ),
]
ClusterArgument = Annotated[
    str | None, typer.Argument(help="The cluster; left out, the only one that has a schedule.", metavar="CLUSTER")
]


@dataclass(frozen=True, slots=True)
class Reached:
    """The cluster, and how each run reaches it."""

    inventory: InventoryOption
    timeout: TimeoutOption = None
    verbosity: VerboseOption = 0
    log_file: LogFileOption = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where backups go, and with which keys."""

    repository: Annotated[
        str | None,
        typer.Option(
            "--repository",
            metavar="DIR",
            help="Where the backups are; default: `backups` here.",
            envvar="SWARMNET_REPOSITORY",
            show_default=False,
        ),
    ] = None
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="TARGET",
            help="Copy each backup there, too: a directory, sftp://[USER@]HOST[:PORT]/PATH or s3://BUCKET/PREFIX;"
            " repeatable. With --in-swarm, the first is where the backups are.",
        ),
    ] = None
    keys: KeysOption = None
    single_recipient: SingleOption = False
    playbook: PlaybookInBackup = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that ``schedule install`` was given."""

    reached: Reached
    timing: Timing
    destination: Destination
    keeping: Keeping
    telling: Telling
    in_swarm: InSwarm

    def schedule(self, now: datetime) -> Schedule:
        """Return the schedule, with nothing in it that a run at night cannot use.

        Raises:
            UsageError: says which option it is.
        """
        from swarmnet.cli.drills import drill_secrets, drill_target, drill_times
        from swarmnet.cli.repositories import or_default
        from swarmnet.cli.schedule_options import ping, services, words
        from swarmnet.cli.schedules import chosen, targets_of
        from swarmnet.cli.sealing import key_ring, sealing_vault
        from swarmnet.cli.wiring import read_inventory
        from swarmnet.edge.backups.keys import nobody
        from swarmnet.model.schedule import Schedule, Scheduler
        from swarmnet.plan.schedule import cron_expression, patience

        at, keys = cron_expression(self.timing.at), key_ring(self.destination.keys).directory
        single, metrics = self.destination.single_recipient, self.telling.metrics
        to = targets_of(self.destination.to)
        self.in_swarm.check(to)
        if self.in_swarm.in_swarm:
            self._fit_for_a_container()
            with_, (repository, *to_) = Scheduler.IN_SWARM, to
        else:
            with_, to_ = chosen(self.timing.with_), [*to]
            repository = str(Path(or_default(self.destination.repository or "")).absolute())
            sealing_vault(keys, None, None, single_recipient=single, ask=nobody)
        hours, reached = self.timing.max_age, self.reached
        playbook = self.destination.playbook
        if playbook is not None:
            (kept_playbook if self.in_swarm.in_swarm else read_sources)(playbook, reached.inventory)
        return Schedule(
            cluster=read_inventory(reached.inventory).cluster,
            inventory=str(reached.inventory.absolute()),
            timeout=reached.timeout,
            verbosity=reached.verbosity,
            log_file=None if reached.log_file is None else str(reached.log_file.absolute()),
            repository=repository,
            keys=str(keys.absolute()),
            single_recipient=single,
            to=tuple(to_),
            at=at,
            with_=with_,
            keep_last=self.keeping.keep_last,
            keep_daily=self.keeping.keep_daily,
            keep_weekly=self.keeping.keep_weekly,
            keep_raft=self.keeping.keep_raft,
            raft=None if self.timing.raft is None else cron_expression(self.timing.raft, "--raft"),
            max_age=patience(at, now) if hours is None else int(hours * 3600),
            ping=ping(self.telling.ping_url),
            notify=services(self.telling.notify),
            on_failure=words(self.telling.on_failure),
            metrics=None if metrics is None else str(metrics.absolute()),
            drill=drill_times(self.timing.drill, keys, self.timing.on),
            drill_on=None if self.timing.on is None else str(self.timing.on.absolute()),
            drill_target=drill_target(self.timing.rto, self.timing.drill),
            drill_secrets=drill_secrets(self.timing.secrets_from, self.timing.drill),
            playbook=None if playbook is None else str(playbook.absolute()),
            installed=now,
        )

    def _fit_for_a_container(self) -> None:
        """Refuse what only a machine of the operator's can do; raise ``UsageError`` that says which option it is."""
        elsewhere = {
            "--repository": self.destination.repository,
            "--with": self.timing.with_,
            "--drill": self.timing.drill,
            "--on": self.timing.on,
            "--secrets-from": self.timing.secrets_from,
            "--rto": self.timing.rto,
            "--raft": self.timing.raft,
            "--on-failure": self.telling.on_failure,
            "--metrics": self.telling.metrics,
        }
        for option, value in elsewhere.items():
            if value is not None:
                raise UsageError(
                    f"{option} does not work with --in-swarm: the scheduler is a container that moves between nodes",
                    hint="`swarmnet schedule status` and --ping-url work from everywhere",
                )


@app.command(
    epilog="Example: swarmnet schedule install -i prod.yml --at '30 2 * * *' --keep-daily 7 --ping-url env:PING_URL",
    short_help="Take backups by a timer.",
)
@grouped
def install(
    wanted: Wanted,
    output: Output,
    directory: DirectoryOption = None,
) -> None:
    """Take backups by a timer. Another install for the same cluster replaces its schedule.

    Missed runs are made up for once. Without a --keep option nothing is removed. Nothing is asked later: the key that
    signs must open without a passphrase, and SSH must log in without an agent. With --in-swarm the cluster runs it, in
    UTC, with a signing key of its own and without a key that opens anything.
    """
    from shlex import join

    from swarmnet.cli.schedules import command_line, schedules, standing, timer
    from swarmnet.report.documents.schedule import ScheduleInstallDocument
    from swarmnet.report.reports.schedule import installed_report

    targets, now, store = output.targets(), datetime.now(UTC), schedules(directory)
    schedule = wanted.schedule(now)
    argv: tuple[str, ...] = ()
    if wanted.in_swarm.in_swarm:
        from swarmnet.cli.in_swarm import installed

        made = installed(schedule, store.find(schedule.cluster), wanted.in_swarm)
        schedule, done = made.schedule, (*made.done, *_replaced(store, schedule))
        by_hand = f"it runs on {made.node}; try it once: swarmnet schedule run {schedule.cluster}"
    else:
        argv = command_line(store, schedule.cluster, if_due=True)
        done = (*_replaced(store, schedule), *timer(schedule).install(schedule, argv))
        once = command_line(store, schedule.cluster, if_due=False)
        by_hand = f"try it once, as the timer will: env -i {join(once)}"
    store.put(schedule)
    entry = standing(store, schedule, now)
    document = ScheduleInstallDocument(schema_=1, schedule=entry, command=list(argv), done=list(done))
    due, hours = datetime.fromisoformat(entry.next).astimezone(), schedule.max_age / 3600
    lines = (
        f"next backup of {schedule.cluster}: {due:%Y-%m-%d %H:%M %Z}; too old after {hours:g} h",
        by_hand,
    )
    targets.emit(installed_report(document, lines))


def _replaced(store: Schedules, schedule: Schedule) -> tuple[str, ...]:
    """Remove the timer of the schedule that the cluster had, if another program starts its runs."""
    if schedule.cluster not in store.names():
        return ()
    before = store.get(schedule.cluster)
    return () if before.with_ is schedule.with_ else _stopped(before)


def _stopped(schedule: Schedule) -> tuple[str, ...]:
    """Remove what starts the runs of a schedule; return what was done, in words."""
    from swarmnet.cli.in_swarm import is_in_swarm, removed
    from swarmnet.cli.schedules import timer

    return removed(schedule) if is_in_swarm(schedule) else timer(schedule).remove(schedule)


@app.command(
    epilog="Example: swarmnet schedule run prod", short_help="Do one run of a schedule now, as its timer does."
)
@grouped
def run(
    output: Output,
    there: There,
    cluster: ClusterArgument = None,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="Do nothing unless a time of the schedule has passed since the last run.")
    ] = False,
    directory: DirectoryOption = None,
) -> None:
    """Take a backup, open it again, compare it with the one before, copy, prune, and say how it went.

    Exit 3: partial. Exit 75: no host answers, and exit 11: another run has the lock; both are 1 once the newest backup
    is older than --max-age. A clock that jumped prunes nothing.
    """
    from swarmnet.cli.in_swarm import run_there
    from swarmnet.cli.schedules import carried_out, schedules
    from swarmnet.report.documents.schedule import ScheduleRunDocument, run_entry
    from swarmnet.report.reports.schedule import run_report

    targets = output.targets()
    asked = there.cluster
    if asked is not None:
        if if_due:
            raise UsageError("--if-due does not work with -i: the swarm runs its schedule itself when it is due")
        name, record = run_there(asked, cluster)
    else:
        name, record = carried_out(schedules(directory), cluster, if_due=if_due)
    entry = None if record is None else run_entry(record)
    targets.emit(run_report(ScheduleRunDocument(schema_=1, cluster=name, run=entry)), shown=True)
    if record is not None and record.exit_code:
        raise typer.Exit(record.exit_code)


@app.command(
    epilog="Example: swarmnet schedule status --json",
    short_help="Show when backups come, came, and whether one is due.",
)
@grouped
def status(output: Output, there: There, cluster: ClusterArgument = None, directory: DirectoryOption = None) -> None:
    """Show next and last run of each schedule, and whether its newest backup is too old. Exit 3: one is overdue.

    With -i, the cluster itself is asked: of the schedules that it runs (--in-swarm), any machine can see, run and
    remove the one that is there.
    """
    from swarmnet.cli.in_swarm import standing_there
    from swarmnet.cli.schedules import schedules, standing
    from swarmnet.report.documents.schedule import ScheduleStatusDocument
    from swarmnet.report.reports.schedule import schedule_report

    targets, store, now = output.targets(), schedules(directory), datetime.now(UTC)
    asked = there.cluster
    if asked is not None:
        entries = [standing_there(asked, cluster, now)]
    else:
        chosen = [store.get(cluster)] if cluster else [store.get(name) for name in store.names()]
        if not chosen:
            note(f"no schedules in {store.directory}; `swarmnet schedule install` makes one")
        entries = [standing(store, one, now) for one in chosen]
    found = ScheduleStatusDocument(schema_=1, schedules=entries)
    targets.emit(schedule_report(found))
    if any(one.overdue or one.problem is not None for one in found.schedules):
        raise typer.Exit(ExitCode.INCOMPLETE)


@app.command(epilog="Example: swarmnet schedule remove prod", short_help="Take no more backups by a timer.")
@grouped
def remove(output: Output, there: There, cluster: ClusterArgument = None, directory: DirectoryOption = None) -> None:
    """Remove the timer and the schedule. Backups stay; so does every file that swarmnet did not make."""
    from swarmnet.cli.in_swarm import removed_there
    from swarmnet.cli.schedules import schedules
    from swarmnet.report.documents.schedule import ScheduleRemoveDocument
    from swarmnet.report.reports.schedule import removed_report

    targets, store = output.targets(), schedules(directory)
    asked = there.cluster
    if asked is not None:
        schedule, done = removed_there(asked, cluster)
        here = store.find(schedule.cluster)
        if here is not None and here.with_ is schedule.with_:  # it was installed from this machine
            store.remove(schedule.cluster)
    else:
        schedule = store.get(cluster)
        with store.running(schedule.cluster):
            done = _stopped(schedule)
            store.remove(schedule.cluster)
    done = (*done, f"no more backups of {schedule.cluster} by a timer; those in {schedule.repository} stay")
    targets.emit(removed_report(ScheduleRemoveDocument(schema_=1, cluster=schedule.cluster, done=list(done))))


@app.command(
    epilog="Example: swarmnet schedule image ./scheduler",
    short_help="Write what the image of a scheduler in the swarm is built from.",
)
@grouped
def image(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go.")],
    output: Output,
) -> None:
    """Write a Dockerfile, this very swarmnet as a wheel, and the versions of what it needs. Nothing is built here.

    docker build makes the image of it, on any machine that reaches PyPI; --in-swarm wants its name as --image. All
    nodes need it: from a registry, or by the step image of a playbook.
    """
    from shlex import quote

    from swarmnet.edge.operator.scheduler_image import write_context
    from swarmnet.report.documents.schedule import ScheduleImageDocument
    from swarmnet.report.reports.schedule import image_report

    targets = output.targets()
    made = write_context(folder)
    name = f"REGISTRY/swarmnet:{made.version}"
    next_ = f"docker build -t {name} {quote(str(folder))} && docker push {name}"
    document = ScheduleImageDocument(schema_=1, folder=str(folder), files=list(made.files), next=next_)
    targets.emit(image_report(document))
