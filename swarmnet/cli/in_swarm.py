"""What ``swarmnet schedule`` does where the swarm itself runs the schedule: from here, over SSH to its managers."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import Cluster, LogFileOption, TimeoutOption, VerboseOption
from swarmnet.cli.schedule_entries import entry_of
from swarmnet.cli.sealing import key_ring
from swarmnet.cli.wiring import note
from swarmnet.errors import IncompleteError, SwarmnetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from swarmnet.cli.in_swarm_options import InSwarm
    from swarmnet.edge.backups.key_ring import BackupKeys
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.in_swarm import Member, Published
    from swarmnet.model.ports import Ports
    from swarmnet.model.schedule import RunRecord, Schedule
    from swarmnet.model.state import ClusterState
    from swarmnet.report.documents.schedule import ScheduleEntry
    from swarmnet.workflows.in_swarm import Standing


@dataclass(frozen=True, slots=True)
class Done:
    """What an install did."""

    schedule: Schedule
    """As it runs: what was there already kept its beginning."""
    done: tuple[str, ...]
    node: str


def installed(schedule: Schedule, before: Schedule | None, options: InSwarm) -> Done:
    """Install a schedule in its swarm, and wait until a node runs it.

    Args:
        schedule: what is wanted.
        before: what this machine knows of the cluster's schedule; one that is equal otherwise keeps its time.
        options: the image, and what targets need.

    Raises:
        SwarmnetError: a host does not answer, or cannot; the image does not start.
    """
    from swarmnet.cli.in_swarm_options import kept_playbook
    from swarmnet.model.base import Secret
    from swarmnet.model.in_swarm import Orders
    from swarmnet.workflows import in_swarm

    if before is not None and before == schedule.model_copy(update={"installed": before.installed}):
        schedule = before
    files, ring, playbook = options.files(), key_ring(Path(schedule.keys)), schedule.playbook
    _check_recipients(ring, schedule)
    with _reached(schedule) as (hosts, ports):
        from swarmnet.workflows.fleet.observe import observe

        members = _members(observe(ports), hosts)
        key, signer = _signing_key(ring, in_swarm.signers(ports.manager()), schedule)
        orders = Orders(
            schedule=schedule,
            members=members,
            recipients=tuple(one.key for one in ring.recipients()),
            signers=tuple(one.line for one in ring.signers() if one.line != signer),
            files=files,
            sources=None if playbook is None else kept_playbook(Path(playbook), Path(schedule.inventory)),
        )
        wanted = in_swarm.Wanted(
            cluster=schedule.cluster,
            image=str(options.image),
            signer=signer,
            orders=Secret(orders.model_dump_json()),
            new_key=None if key is None else Secret(key),
            published=_published(schedule),
        )
        made = in_swarm.install(ports.manager(), wanted)
        node = in_swarm.wait_for_start(ports.manager, made.old, ports.clock, note)
    return Done(schedule, made.done, node)


@contextmanager
def _reached(schedule: Schedule) -> Iterator[tuple[Inventory, Ports]]:
    """Yield the hosts of a schedule's inventory, and the ports to them."""
    log = None if schedule.log_file is None else Path(schedule.log_file)
    cluster = Cluster(Path(schedule.inventory), schedule.timeout, schedule.verbosity, log_file=log)
    hosts = cluster.read()
    with cluster.observed(hosts) as ports:
        yield hosts, ports


def _members(state: ClusterState, hosts: Inventory) -> tuple[Member, ...]:
    """Return which node each host is.

    Raises:
        IncompleteError: not every host answers, is in the swarm, and takes tasks; an engine is too old.
    """
    from swarmnet.model.hosts import Availability
    from swarmnet.model.in_swarm import OLDEST_API, Member
    from swarmnet.model.standing import answered
    from swarmnet.model.version import ApiVersion

    answered(state, hosts)
    if state.failures:
        first = state.failures[0]
        raise IncompleteError(
            f"{first.host} {first.trouble}: {first.reason}", hint="install it when all hosts of the inventory answer"
        )
    found: list[Member] = []
    for host in hosts.members:
        node, facts = state.node_of(host.name), state.facts(host.name)
        if node is None or facts is None:
            raise IncompleteError(f"{host.name} is not in the swarm", hint="`swarmnet apply` brings it in")
        if node.spec.availability not in (None, Availability.ACTIVE):
            raise IncompleteError(
                f"{host.name} is set to {node.spec.availability.value}: no task can look at it, each backup is partial",
                hint="make it active, or leave --in-swarm out: a machine of yours sees all hosts",
            )
        if facts.engine.api < ApiVersion.read(OLDEST_API):
            raise IncompleteError(f"{host.name} has engine {facts.engine.version}: jobs need 20.10", hint="upgrade it")
        found.append(Member(host=host.name, role=node.spec.role or host.role, node_id=node.id, hostname=node.hostname))
    return tuple(found)


def _signing_key(ring: BackupKeys, there: tuple[str, ...], schedule: Schedule) -> tuple[bytes | None, str]:
    """Return a new signing key, None where the swarm has one that is trusted here, and its public half as a line.

    It is trusted here before it signs: no backup of it is ever refused.
    """
    from swarmnet.edge.backups.key_ring import new_signing_key

    trusted = {one.line for one in ring.signers()}
    known = [line for line in there if line in trusted]
    if known:
        return None, known[0]
    key, signer = new_signing_key(f"schedule of {schedule.cluster}, in the swarm")
    ring.add_signer(signer)
    return key, signer.line


def _published(schedule: Schedule) -> Published:
    """Return what of a schedule is in a label of its service; no secret, and no path of this machine."""
    from swarmnet.edge.operator.chat import scheme
    from swarmnet.edge.operator.notices import origin
    from swarmnet.model.in_swarm import Published

    return Published(
        at=schedule.at,
        repository=schedule.repository,
        to=schedule.to,
        max_age=schedule.max_age,
        ping=None if schedule.ping is None else origin(schedule.ping),
        notify=tuple(f"{scheme(url)}://" for url in schedule.notify),
        installed=schedule.installed,
    )


def _check_recipients(ring: BackupKeys, schedule: Schedule) -> None:
    """Refuse recipients that no run could seal to; raise ``UsageError`` with what to do."""
    from swarmnet.edge.backups import plugins
    from swarmnet.edge.backups.vault import AgeVault

    recipients = ring.recipients()
    AgeVault(recipients=recipients, single_recipient=schedule.single_recipient).check_recipients()
    foreign = [one for one in recipients if plugins.is_recipient(one.key)]
    if foreign:
        raise UsageError(
            f"recipient {foreign[0].name or foreign[0].key} needs a program of its own to seal, which the image lacks",
            hint="leave --in-swarm out, or keep such recipients in another --keys directory",
        )


def standing(schedule: Schedule, now: datetime) -> ScheduleEntry:
    """Return when the next backup comes, what became of the last run, and where the scheduler runs.

    What the service says counts: the target is not asked. A cluster that does not answer is a problem of the entry.
    """
    from swarmnet.workflows import in_swarm

    try:
        with _reached(schedule) as (_hosts, ports):
            return _entry(schedule, in_swarm.standing(ports.manager()), now)
    except SwarmnetError as error:
        return _entry(schedule, None, now, problem=str(error))


def _entry(schedule: Schedule, found: Standing | None, now: datetime, *, problem: str | None = None) -> ScheduleEntry:
    from datetime import UTC

    from swarmnet.model.schedule import History

    if found is None:
        gone = "its service is gone: `swarmnet schedule install` makes it again"
        return entry_of(schedule, History(), None, now, zone=UTC, service=(None, problem or gone))
    newest = None if found.history.last is None else found.history.last.newest
    said = None if found.node is not None else f"no node runs it: {found.said}"
    return entry_of(schedule, found.history, newest, now, zone=UTC, service=(found.node, said))


def run_now(schedule: Schedule) -> RunRecord | None:
    """Let the scheduler do one run, print its lines, and return what became of it."""
    with _reached(schedule) as (_hosts, ports):
        return _run(ports)


def _run(ports: Ports) -> RunRecord | None:
    from swarmnet.workflows import in_swarm

    record = in_swarm.run_now(ports.manager, secrets.token_hex(8), ports.clock, note)
    for line in () if record is None else record.lines:
        note(line)
    return record


def removed(schedule: Schedule) -> tuple[str, ...]:
    """Take the schedule out of its swarm; return what was done, in words."""
    from swarmnet.workflows import in_swarm

    with _reached(schedule) as (_hosts, ports):
        return in_swarm.remove(ports.manager())


@dataclass(frozen=True, slots=True)
class There:
    """A cluster that is asked for the schedule that it runs itself: from any machine."""

    inventory: Annotated[
        Path | None,
        typer.Option(
            "--inventory",
            "-i",
            metavar="FILE",
            help="Ask this cluster for the schedule that it runs itself (--in-swarm), from any machine.",
        ),
    ] = None
    timeout: TimeoutOption = None
    verbosity: VerboseOption = 0
    log_file: LogFileOption = None

    @property
    def cluster(self) -> Cluster | None:
        """The cluster that is asked; None for the schedules of this machine."""
        if self.inventory is None:
            return None
        return Cluster(self.inventory, self.timeout, self.verbosity, log_file=self.log_file)


def standing_there(cluster: Cluster, name: str | None, now: datetime) -> ScheduleEntry:
    """Return what ``schedule status`` shows of the schedule that a cluster runs itself."""
    from swarmnet.workflows import in_swarm

    with _found(cluster, name) as (schedule, ports):
        return _entry(schedule, in_swarm.standing(ports.manager()), now)


def run_there(cluster: Cluster, name: str | None) -> tuple[str, RunRecord | None]:
    """Let the scheduler of a cluster do one run; return the cluster's name, and what became of it."""
    with _found(cluster, name) as (schedule, ports):
        return schedule.cluster, _run(ports)


def removed_there(cluster: Cluster, name: str | None) -> tuple[Schedule, tuple[str, ...]]:
    """Take the schedule out of a cluster that runs it itself; return it, and what was done, in words."""
    from swarmnet.workflows import in_swarm

    with _found(cluster, name) as (schedule, ports):
        return schedule, in_swarm.remove(ports.manager())


@contextmanager
def _found(cluster: Cluster, name: str | None) -> Iterator[tuple[Schedule, Ports]]:
    """Yield the schedule as its service shows it, and the ports to the cluster.

    Raises:
        IncompleteError: no manager answers for the swarm.
        UsageError: the cluster runs no schedule itself, or another cluster was named.
        SchemaError: another version of swarmnet installed it.
    """
    from swarmnet.model.schedule import Schedule, Scheduler
    from swarmnet.workflows import in_swarm

    hosts = cluster.read()
    if name not in (None, hosts.cluster):
        raise UsageError(f"{cluster.inventory} is of cluster {hosts.cluster}, not of {name}", hint="leave one out")
    with cluster.observed(hosts) as ports:
        called, kept = in_swarm.published(in_swarm.asked(ports))
        yield (
            Schedule(
                cluster=called,
                inventory=str(cluster.inventory.absolute()),
                repository=kept.repository,
                to=kept.to,
                keys="",
                at=kept.at,
                with_=Scheduler.IN_SWARM,
                max_age=kept.max_age,
                ping=kept.ping,
                notify=kept.notify,
                installed=kept.installed,
            ),
            ports,
        )


def is_in_swarm(schedule: Schedule) -> bool:
    """Return whether the swarm runs a schedule."""
    from swarmnet.model.schedule import Scheduler

    return schedule.with_ is Scheduler.IN_SWARM
