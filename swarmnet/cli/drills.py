"""What the commands of ``swarmnet drill`` are built from: the ground of a drill, its proof, and where reports go."""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.cli import wiring
from swarmnet.cli.sealing import DEFAULT_REPOSITORY
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from swarmnet.edge.backups.drill_reports import Filed
    from swarmnet.lab.lab import Lab
    from swarmnet.lab.spec import KernelWish
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.base import Secret
    from swarmnet.model.drill import DrillReport, Ground
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Skip
    from swarmnet.model.ports import Ports
    from swarmnet.model.sealed import Entry, Repository, Vault
    from swarmnet.model.state import ClusterState
    from swarmnet.model.verification import Verification
    from swarmnet.report.documents.drill import DrillDocument, DrillsDocument, FiledDrill
    from swarmnet.workflows.apply import Prepared, Terms

LAB = "drill-"
"""How the names of throw-away labs begin: those whose process is gone are taken down by the next drill."""
KEPT = "kept-drill-"
_TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Given:
    """What the operator gave for a drill, besides the backup."""

    on: Path | None
    hosts: int | None
    kernel: KernelWish
    engine: str | None
    keep: bool
    timeout: float | None
    verbosity: int
    log_file: Path | None

    def __post_init__(self) -> None:
        if self.on is not None and (self.hosts is not None or self.engine is not None):
            raise UsageError("--on takes the hosts of an inventory as they are", hint="leave out --hosts and --engine")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of the backup is rehearsed, and with which secrets."""

    secrets: Mapping[str, Secret]
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """Hosts on which a backup is restored, and what of it they can run."""

    ground: Ground
    hosts: Inventory
    mapping: Mapping[str, str]
    document: BackupDocument
    """What is restored there."""
    place: str
    ready: float = 0.0
    skips: tuple[Skip, ...] = ()
    placeholders: frozenset[str] = frozenset()
    """Secrets that get a value of no meaning, since nothing real runs there."""
    kept: str | None = None
    """What removes it, where it is kept."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """The consent of an operator who has agreed to the drill as a whole."""

    def show(self, _prepared: Prepared) -> None:
        """Show nothing: the report tells what was done."""

    def ask(self, _prepared: Prepared, *, changed: bool) -> None:
        """Agree."""


def terms() -> Terms:
    """Return the terms of a drill: agreed to as a whole, and stopped by Ctrl-C."""
    from swarmnet.cli import signals
    from swarmnet.workflows.apply import Terms

    return Terms(consent=Agreed(), operator=wiring.this_operator(), stop=signals.Interruption())


@contextmanager
def lab_stage(given: Given, document: BackupDocument) -> Iterator[Stage]:
    """Bring up a lab that fits a backup, with stand-ins for its images, and take it down at the end of the block."""
    from swarmnet.lab.roots.engines import nearest
    from swarmnet.lab.spec import LabSpec
    from swarmnet.lab.throwaway import take_down_forgotten, throw_away
    from swarmnet.model.drill import Ground
    from swarmnet.plan.recovery.rehearsal import Roles, staged

    roles = Roles.of(document)
    hosts, managers = roles.sizes(given.hosts)
    name = f"{KEPT if given.keep else LAB}{secrets.token_hex(4)}"
    engine = given.engine or nearest(document.engines.values())
    spec = LabSpec(name=name, hosts=hosts, managers=managers, engines=(engine,), kernels=(given.kernel,))
    take_down_forgotten(LAB, say=wiring.note)
    begun = time.monotonic()
    with throw_away(spec, keep=given.keep, say=wiring.note) as lab:
        fit = staged(document)
        _images(lab, fit.images, fit.ports)
        inventory = wiring.read_inventory(lab.inventory)
        places = roles.places(inventory)
        yield Stage(
            ground=Ground.LAB,
            hosts=_only(inventory, places),
            mapping=places,
            document=fit.document,
            place=f"lab {name}, engine {engine}, kernels {'/'.join(sorted({host.kernel for host in lab.hosts}))}",
            ready=round(time.monotonic() - begun, 3),
            skips=fit.skips,
            placeholders=frozenset(one.spec.name for one in document.state.secrets),
            kept=f"swarmnet lab down --name {name}" if given.keep else None,
        )


def _images(lab: Lab, images: tuple[str, ...], ports: tuple[int, ...]) -> None:
    from swarmnet.lab.image import make_stand_ins

    if images:
        make_stand_ins(lab, images, ports)


def _only(inventory: Inventory, places: Mapping[str, str]) -> Inventory:
    """Return the inventory with the hosts that have a place alone."""
    taken = set(places.values())
    return inventory.model_copy(update={"hosts": tuple(host for host in inventory.hosts if host.name in taken)})


@contextmanager
def spare_stage(given: Given, on: Path, document: BackupDocument, *, yes: bool) -> Iterator[Stage]:
    """Hand out the spare hosts of an inventory, once the operator has agreed; the caller clears them."""
    from swarmnet.model.drill import Ground
    from swarmnet.plan.recovery.rehearsal import Roles

    inventory = wiring.read_inventory(on)
    places = Roles.of(document).places(inventory)
    hosts = _only(inventory, places)
    if not hosts.managers:
        raise UsageError(f"{on} has no manager that could take the place of one of the backup")
    if not yes:
        names = ", ".join(host.name for host in hosts.hosts)
        what = f"restore {document.cluster} onto {names}, verify it, and take all of it away again"
        wiring.confirm_cluster(inventory.cluster, what, type_name=True)
    yield Stage(
        ground=Ground.HOSTS,
        hosts=hosts,
        mapping=places,
        document=document,
        place=f"{inventory.cluster}: {', '.join(host.name for host in hosts.hosts)}",
        kept=f"swarmnet reset -i {on}" if given.keep else None,
    )


def proof(ports: Ports) -> Callable[[ClusterState], Verification]:
    """Return what verifies the restored networks, with all scenarios."""
    from swarmnet.cli.probes import this_run
    from swarmnet.edge.operator.probe_image import packed
    from swarmnet.model.report import Status
    from swarmnet.report.terminal.console import console_for
    from swarmnet.report.terminal.verification import show
    from swarmnet.verify.scenarios import ALL
    from swarmnet.verify.story import VerifyOptions, verify

    run = this_run(wiring.this_operator())

    def prove(state: ClusterState) -> Verification:
        result = verify(ports, state, VerifyOptions(ALL), kit=packed(), run=run)
        if result.status is Status.FAILED:
            show(console_for(sys.stderr), result)
        return result

    return prove


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup that was found, read and opened."""

    name: str
    document: BackupDocument
    sha256: str
    seconds: float
    folder: Path
    """Where its reports go."""


def opened(entry: Entry, repository: Repository, vault: Vault, reports: Path | None) -> Opened:
    """Read and open a backup, with the time that it takes.

    Raises:
        WrongKeyError: no identity opens it, or its signer is not trusted.
        DamagedError: it is not what was signed.
        SchemaError: it is of a schema that this version does not read.
    """
    from swarmnet.edge.backups.repository import file_name, slug
    from swarmnet.workflows import backup_lookup

    begun = time.monotonic()
    document = backup_lookup.opened(entry, repository=repository, vault=vault)
    seconds = time.monotonic() - begun
    return Opened(
        name=f"{slug(document.cluster)}/{file_name(document)}",
        document=document,
        sha256=hashlib.sha256(repository.read(entry)).hexdigest(),
        seconds=seconds,
        folder=reports or next_to(entry, repository, document.cluster),
    )


def next_to(entry: Entry, repository: Repository, cluster: str) -> Path:
    """Return where the reports of a backup go: next to its file; of one on a target, in this machine's own."""
    from swarmnet.edge.backups.drill_reports import FOLDER
    from swarmnet.edge.backups.repository import DirectoryRepository, slug

    if isinstance(repository, DirectoryRepository):
        return entry.path.absolute().parent / FOLDER
    return Path(DEFAULT_REPOSITORY).absolute() / slug(cluster) / FOLDER


def written(report: DrillReport, document: DrillDocument, folder: Path, key: Ed25519PrivateKey) -> Path:
    """Write the signed report and its pages, and return its path."""
    from swarmnet.edge.backups.drill_reports import file_report
    from swarmnet.model.sensitive import SENSITIVE
    from swarmnet.report.drill_pages import html, markdown

    name = f"{report.begun.astimezone(UTC).strftime(_TIME)}-{report.id[:8]}"
    tree = SENSITIVE.masked_json(document.tree)
    texts = {
        ".json": json.dumps(tree, indent=2, ensure_ascii=False) + "\n",
        ".md": markdown(document),
        ".html": html(document),
    }
    return file_report(folder, name, texts, key)


def blank(stage: Stage, found: Opened, *, begun: datetime) -> DrillReport:
    """Return the report with what is known before anything is restored."""
    import uuid
    from importlib.metadata import version as installed

    from swarmnet.model.drill import DrillReport, Rehearsed

    me, document = wiring.this_operator(), found.document
    backup = Rehearsed(
        id=document.id,
        name=found.name,
        cluster=document.cluster,
        created=document.created,
        complete=document.completeness.complete,
        sha256=found.sha256,
    )
    return DrillReport(
        id=uuid.uuid4().hex,
        tool=f"swarmnet {installed('swarmnet')}",
        operator=f"{me.user} on {me.machine.partition('/')[0]}",
        backup=backup,
        ground=stage.ground,
        place=stage.place,
        hosts=dict(stage.mapping),
        engines={},
        begun=begun,
        ready=stage.ready,
        kept=stage.kept,
    )


def run_on(stage: Stage, given: Given, found: Opened, chosen: Chosen, *, begun: datetime) -> DrillReport:
    """Restore, prove and compare on the hosts of a stage, and return the report.

    Raises:
        RefusedError: the hosts are not empty.
    """
    from swarmnet.cli.logs import Log
    from swarmnet.model.base import Secret
    from swarmnet.model.drill import Ground
    from swarmnet.plan.recovery.rehearsal import placeholder
    from swarmnet.plan.recovery.steps import Choices
    from swarmnet.report.terminal.progress import ProgressLines
    from swarmnet.workflows.drill import Course, Rehearsal, rehearse
    from swarmnet.workflows.restore import Restore

    invented = {name: Secret(secrets.token_hex(16)) for name in stage.placeholders - chosen.secrets.keys()}
    choices = Choices(
        mapping=stage.mapping, secrets=invented | dict(chosen.secrets), allow_partial=True, exclude=chosen.exclude
    )
    rehearsal = Rehearsal(
        backup=found.document,
        restore=Restore(stage.document, stage.hosts, choices, f"backup {found.name}"),
        skips=(*stage.skips, *(placeholder(name) for name in sorted(invented))),
        clears=stage.ground is Ground.HOSTS and not given.keep,
        opened=found.seconds,
    )
    verbose = given.verbosity > 0
    course = Course(ProgressLines(sys.stderr, verbose=verbose), time.monotonic)
    log = Log(on_stderr=given.verbosity > 1, file=given.log_file)
    reached = wiring.connected(stage.hosts, verbose=verbose, timeout=given.timeout, listener=course, log=log)
    with wiring.logging_in(reached, [host.name for host in stage.hosts.hosts]) as ports:
        told = blank(stage, found, begun=begun)
        return rehearse(ports, rehearsal, terms, blank=told, prove=proof(ports), course=course)


def kept_drills(repository: str, reports: Path | None, trusted: Collection[str], cluster: str | None) -> DrillsDocument:
    """Return the drills whose reports are kept, newest first.

    Raises:
        UsageError: the repository is a target away from here, which holds no reports.
    """
    from swarmnet.edge.backups.drill_reports import FOLDER, filed
    from swarmnet.edge.targets.location import is_url
    from swarmnet.report.documents.drill import DrillsDocument

    if reports is None and is_url(repository):
        raise UsageError(
            f"{repository} is a target, which holds no reports of drills",
            hint=f"those of its backups are in ./{DEFAULT_REPOSITORY}/CLUSTER/{FOLDER}: leave --repository out",
        )
    folders = [reports] if reports is not None else sorted(Path(repository).glob(f"*/{FOLDER}"))
    entries: list[FiledDrill] = []
    unreadable: list[str] = []
    for one in (one for folder in folders for one in filed(folder, trusted)):
        try:
            entry = _entry(one)
        except ValueError:
            unreadable.append(f"{one.path}: it is not the report of a drill, or of a newer version")
            continue
        if cluster in (None, entry.cluster):
            entries.append(entry)
    entries.sort(key=lambda one: one.begun, reverse=True)
    return DrillsDocument(schema_=1, drills=entries, unreadable=unreadable)


def _entry(one: Filed) -> FiledDrill:
    """Return a kept report for the list; raises ``ValueError`` where it is none."""
    from swarmnet.edge.backups.keys import Signer
    from swarmnet.report.documents.drill import DrillDocument, FiledDrill

    found = DrillDocument.model_validate_json(one.content)
    return FiledDrill(
        path=str(one.path),
        begun=found.begun,
        cluster=found.backup.cluster,
        backup=found.backup.name,
        result=found.result,
        recovery_seconds=found.recovery_seconds,
        data_age_seconds=found.data_age_seconds,
        signature=one.signature.value,
        signer=None if one.signer is None else Signer(one.signer).fingerprint,
    )
