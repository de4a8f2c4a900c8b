"""What ``swarmnet schedule`` does where the swarm itself runs the schedule: from here, over SSH to its managers."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import Cluster
from swarmnet.cli.sealing import key_ring
from swarmnet.cli.wiring import note
from swarmnet.errors import IncompleteError, SwarmnetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from swarmnet.edge.backups.key_ring import BackupKeys
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.in_swarm import Member
    from swarmnet.model.ports import Ports
    from swarmnet.model.schedule import RunRecord, Schedule
    from swarmnet.model.state import ClusterState
    from swarmnet.report.documents.schedule import ScheduleEntry

_AWS, _SSH_KEY, _KNOWN, _CONFIG = ".aws/credentials", ".ssh/target", ".ssh/known_hosts", ".ssh/config"
_ONE_KEY = "Host *\n  IdentityFile ~/.ssh/target\n  IdentitiesOnly yes\n"
_LARGEST = 400 * 1024
"""Bytes of one file: engines take secrets of 500 KB."""
_WHAT = {".aws/credentials": "--aws-credentials", ".ssh/target": "--ssh-key", ".ssh/known_hosts": "--known-hosts"}


@dataclass(frozen=True, slots=True)
class InSwarm:
    """A schedule that is a service of the cluster itself."""

    in_swarm: Annotated[
        bool,
        typer.Option(
            "--in-swarm", help="Let the swarm run it: a service that moves when its node dies. Needs --image and --to."
        ),
    ] = False
    image: Annotated[
        str | None,
        typer.Option(
            "--image", metavar="REF", help="With --in-swarm: its image, which `swarmnet schedule image` makes."
        ),
    ] = None
    aws_credentials: Annotated[
        Path | None,
        typer.Option(
            "--aws-credentials",
            metavar="FILE",
            help="With --in-swarm: a file as ~/.aws/credentials, whose default profile logs in to s3:// targets.",
        ),
    ] = None
    ssh_key: Annotated[
        Path | None,
        typer.Option(
            "--ssh-key",
            metavar="FILE",
            help="With --in-swarm: a private key without passphrase that logs in to sftp:// targets.",
        ),
    ] = None
    known_hosts: Annotated[
        Path | None,
        typer.Option(
            "--known-hosts", metavar="FILE", help="With --in-swarm: a file with the host keys of sftp:// targets."
        ),
    ] = None

    def check(self, to: tuple[str, ...]) -> None:
        """Refuse what does not fit together.

        Raises:
            UsageError: says which option it is.
        """
        from swarmnet.edge.targets.location import is_url

        named = {
            "--image": self.image,
            "--aws-credentials": self.aws_credentials,
            "--ssh-key": self.ssh_key,
            "--known-hosts": self.known_hosts,
        }
        if not self.in_swarm:
            extra = [option for option, value in named.items() if value is not None]
            if extra:
                raise UsageError(f"{extra[0]} works only with --in-swarm")
            return
        if self.image is None:
            raise UsageError("--in-swarm needs an --image", hint="`swarmnet schedule image` makes one")
        if not to or not all(is_url(text) for text in to):
            raise UsageError(
                "--in-swarm needs a --to away from the cluster: what is on a node is lost with it",
                hint="--to sftp://USER@HOST/PATH, or --to s3://BUCKET/PREFIX",
            )
        kinds = {text.partition(":")[0] for text in to}
        if "s3" in kinds and self.aws_credentials is None:
            raise UsageError("an s3:// target needs --aws-credentials: nothing else of your own login goes along")
        if "sftp" in kinds and (self.ssh_key is None or self.known_hosts is None):
            raise UsageError("an sftp:// target needs --ssh-key and --known-hosts: your own SSH keys stay here")

    def files(self) -> dict[str, str]:
        """Return what targets need, by the path below the scheduler's home.

        Raises:
            UsageError: a file cannot be read, is too large, or is a key with a passphrase.
        """
        from swarmnet.edge.operator.owned_files import read_private, read_public

        found: dict[str, str] = {}
        if self.aws_credentials is not None:
            found[_AWS] = _text(read_private(self.aws_credentials), _AWS)
        if self.ssh_key is not None:
            found[_SSH_KEY] = _text(read_private(self.ssh_key), _SSH_KEY)
            found[_CONFIG] = _ONE_KEY
            _opens_alone(self.ssh_key)
        if self.known_hosts is not None:
            found[_KNOWN] = _text(read_public(self.known_hosts), _KNOWN)
        return found


def _text(data: bytes, name: str) -> str:
    if len(data) > _LARGEST:
        raise UsageError(f"{_WHAT[name]}: more than {_LARGEST >> 10} KiB", hint="name a file with what targets need")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{_WHAT[name]}: it is not a text file") from None


def _opens_alone(path: Path) -> None:
    from swarmnet.edge.ssh.keys import opens_without_passphrase

    if not opens_without_passphrase(path):
        raise UsageError(f"--ssh-key {path}: it has a passphrase, or is not a private key", hint="make one of its own")


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
    from swarmnet.model.base import Secret
    from swarmnet.model.in_swarm import Orders
    from swarmnet.workflows import in_swarm

    if before is not None and before == schedule.model_copy(update={"installed": before.installed}):
        schedule = before
    files, ring = options.files(), key_ring(Path(schedule.keys))
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
        )
        wanted = in_swarm.Wanted(
            cluster=schedule.cluster,
            image=str(options.image),
            signer=signer,
            orders=Secret(orders.model_dump_json()),
            new_key=None if key is None else Secret(key),
        )
        made = in_swarm.install(ports.manager(), wanted)
        node = in_swarm.wait_for_start(ports.manager, made.old, ports.clock, note)
    return Done(schedule, made.done, node)


@contextmanager
def _reached(schedule: Schedule) -> Iterator[tuple[Inventory, Ports]]:
    """Hand out the hosts of a schedule's inventory, and the ports to them."""
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
            f"{first.host} does not answer: {first.reason}", hint="install it when all hosts of the inventory answer"
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
    from datetime import UTC

    from swarmnet.edge.operator.chat import scheme
    from swarmnet.edge.operator.notices import origin
    from swarmnet.model.schedule import History
    from swarmnet.plan.schedule import age, is_due, next_due
    from swarmnet.report.documents.schedule import ScheduleEntry, run_entry
    from swarmnet.workflows import in_swarm

    history, node, problem = History(), None, None
    try:
        with _reached(schedule) as (_hosts, ports):
            found = in_swarm.standing(ports.manager())
        if found is None:
            problem = "its service is gone: `swarmnet schedule install` makes it again"
        else:
            history, node = found.history, found.node
            problem = None if node is not None else f"no node runs it: {found.said}"
    except SwarmnetError as error:
        problem = str(error)
    newest = None if history.last is None else history.last.newest
    old = age(schedule, newest, now)
    return ScheduleEntry(
        cluster=schedule.cluster,
        at=schedule.at,
        with_=schedule.with_.value,
        drill=None,
        repository=schedule.repository,
        next=next_due(schedule.at, now, UTC).isoformat(),
        due=is_due(schedule, history, now, UTC),
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


def run_now(schedule: Schedule) -> RunRecord | None:
    """Let the scheduler do one run, print its lines, and return what became of it."""
    from swarmnet.workflows import in_swarm

    with _reached(schedule) as (_hosts, ports):
        record = in_swarm.run_now(ports.manager, secrets.token_hex(8), ports.clock, note)
    for line in () if record is None else record.lines:
        note(line)
    return record


def removed(schedule: Schedule) -> tuple[str, ...]:
    """Take the schedule out of its swarm; return what was done, in words."""
    from swarmnet.workflows import in_swarm

    with _reached(schedule) as (_hosts, ports):
        return in_swarm.remove(ports.manager())


def is_in_swarm(schedule: Schedule) -> bool:
    """Return whether the swarm runs a schedule."""
    from swarmnet.model.schedule import Scheduler

    return schedule.with_ is Scheduler.IN_SWARM
