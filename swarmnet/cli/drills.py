"""What the commands of ``swarmnet drill`` are built from: one drill, its proof, and where reports go."""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.cli import wiring
from swarmnet.cli.repositories import DEFAULT_REPOSITORY
from swarmnet.errors import LabError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from swarmnet.cli.stages import Given, Stage
    from swarmnet.edge.backups.drill_reports import Filed
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.base import Secret
    from swarmnet.model.drill import DrillReport
    from swarmnet.model.ports import Ports
    from swarmnet.model.schedule import DrillRun, Schedule
    from swarmnet.model.sealed import Entry, Repository, Vault
    from swarmnet.model.state import ClusterState
    from swarmnet.model.verification import Verification
    from swarmnet.report.documents.drill import DrillDocument, DrillsDocument, FiledDrill
    from swarmnet.workflows.apply import Prepared, Terms

_TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of the backup is rehearsed, and with which secrets."""

    secrets: Mapping[str, Secret]
    exclude: tuple[str, ...] = ()
    target: float | None = None
    """Seconds that the recovery may take."""


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


def proof(ports: Ports, *, real_images: bool) -> Callable[[ClusterState], Verification]:
    """Return what verifies the restored networks, with all scenarios; stand-in images may do as they like."""
    from swarmnet.cli.probes import this_run
    from swarmnet.edge.operator.probe_image import packed
    from swarmnet.model.report import Status
    from swarmnet.report.terminal.console import console_for
    from swarmnet.report.terminal.verification import show
    from swarmnet.verify.scenarios import ALL
    from swarmnet.verify.scenarios.own.programs import OwnPrograms
    from swarmnet.verify.scenarios.own.tasks import OwnTasks
    from swarmnet.verify.story import VerifyOptions, verify

    run = this_run(wiring.this_operator())
    scenarios = ALL if real_images else tuple(one for one in ALL if not isinstance(one, OwnTasks | OwnPrograms))

    def prove(state: ClusterState) -> Verification:
        result = verify(ports, state, VerifyOptions(scenarios), kit=packed(), run=run)
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
        blank_report = blank(stage, found, begun=begun).model_copy(update={"target": chosen.target})
        prove = proof(ports, real_images=stage.ground is Ground.HOSTS)
        return rehearse(ports, rehearsal, terms, blank=blank_report, prove=prove, course=course)


def rehearsed(given: Given, chosen: Chosen, found: Opened, *, begun: datetime, yes: bool) -> DrillReport:
    """Do the drill and return its report, with what could not be taken down again."""
    from swarmnet.cli.stages import lab_stage, spare_stage

    report: DrillReport | None = None
    on = given.on
    stage = lab_stage(given, found.document) if on is None else spare_stage(given, on, found.document, yes=yes)
    try:
        with stage as ground:
            report = run_on(ground, given, found, chosen, begun=begun)
    except LabError as error:
        if report is None:
            raise
        return report.model_copy(update={"left_behind": (*report.left_behind, str(error))})
    return report


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
    from pydantic_core import from_json, to_json

    from swarmnet.edge.backups.keys import Signer
    from swarmnet.report.documents.drill import DrillDocument, FiledDrill

    tree = from_json(one.content)
    if isinstance(tree, dict):
        tree.setdefault("target_seconds", None)  # older reports have no target
    found = DrillDocument.model_validate_json(to_json(tree))
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


def drill_times(given: str | None, keys: Path, on: Path | None) -> str | None:
    """Return the times of ``--drill``, with nothing missing that a drill at night needs.

    Raises:
        UsageError: it is not such a time; this user cannot bring up labs and names no spare hosts (``on``), or has no
            identity that opens a backup.
    """
    from swarmnet.cli.sealing import opening_vault
    from swarmnet.cli.stages import spare_hosts
    from swarmnet.lab.claim import require_root
    from swarmnet.plan.schedule import cron_expression

    if given is None:
        if on is not None:
            raise UsageError("--on names hosts for drills, and there are none", hint="add --drill monthly")
        return None
    times = cron_expression(given, "--drill")
    if on is None:
        require_root()
    else:
        spare_hosts(on)
    if not opening_vault(keys, None, None).can_open:
        raise UsageError(
            f"--drill: no identity in {keys} opens the backups", hint="`swarmnet keys list` shows the keys"
        )
    return times


def drill_secrets(given: str | None, times: str | None) -> str | None:
    """Return where drills at night find the values of secrets, which are looked at now and not kept.

    Raises:
        UsageError: there are no drills, or others can read the file.
        DocumentError: the file is wrong.
    """
    from swarmnet.cli.restore_choices import secrets_in

    if given is None:
        return None
    if times is None:
        raise UsageError("--secrets-from gives values to drills, and there are none", hint="add --drill monthly")
    if given.startswith("env:"):
        return given
    path = Path(given).absolute()
    secrets_in(path)
    return str(path)


def drill_target(minutes: float | None, times: str | None) -> float | None:
    """Return the seconds that a recovery may take in drills at night; raise ``UsageError`` where there are none."""
    if minutes is None:
        return None
    if times is None:
        raise UsageError("--rto is for drills, and there are none", hint="add --drill monthly")
    return minutes * 60


def scheduled(schedule: Schedule, entry: Entry, repository: Repository, vault: Vault) -> DrillRun:
    """Do the drill of a schedule with its newest backup, keep the report, and return how it ended.

    Raises:
        SwarmnetError: it could not take place.
    """
    from swarmnet.cli.restore_choices import given_secrets
    from swarmnet.cli.sealing import signing_key
    from swarmnet.cli.stages import Given
    from swarmnet.model.schedule import DrillRun
    from swarmnet.report.documents.drill import drill_document

    key, begun = signing_key(Path(schedule.keys), None), datetime.now(UTC)
    found = opened(entry, repository, vault, None)
    on = None if schedule.drill_on is None else Path(schedule.drill_on)
    source = schedule.drill_secrets
    chosen = Chosen({} if source is None else given_secrets(source, found.document), target=schedule.drill_target)
    report = rehearsed(Given(on=on, timeout=schedule.timeout), chosen, found, begun=begun, yes=True)
    path = written(report, drill_document(report), found.folder, key)
    late = f", which may take {report.target:g} s" if report.late else ""
    said = f"drill {report.result}: recovery time {report.recovery:.1f} s{late}, report {path}"
    return DrillRun(exit_code=report.exit_code, line=said)
