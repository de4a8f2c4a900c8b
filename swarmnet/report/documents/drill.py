"""The JSON document of a drill, which is signed and kept, and that of the list of drills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from swarmnet.model.redaction import Cover
from swarmnet.report.documents.base import Entry, Output, Text, change_entry
from swarmnet.report.documents.drift import DifferenceEntry
from swarmnet.report.documents.restore import LossEntry, SkipEntry, loss_entries

if TYPE_CHECKING:
    from datetime import datetime

    from swarmnet.model.drill import DrillReport
    from swarmnet.model.lose import LoseReport

Verdict = Literal["passed", "incomplete", "failed"]


class RehearsedBackup(Entry):
    """The backup that was restored."""

    id: str
    name: Text = Field(description="FOLDER/FILE in the repository.")
    cluster: Text
    created: str = Field(description="ISO 8601.")
    complete: bool
    sha256: str = Field(description="Of the sealed file.")


class DrillPhase(Entry):
    """One part of the recovery time; actions that run at the same time count in each of their parts."""

    name: str
    seconds: float


class DrillDocument(Output):
    """What ``drill restore --json`` prints, and what is signed and kept next to the backup."""

    id: str
    tool: str
    operator: Text = Field(description="Who ran it.")
    backup: RehearsedBackup
    ground: Literal["lab", "hosts"] = Field(description="Where: in a lab, or on spare hosts of an inventory.")
    place: Text = Field(description="Name of the lab, or of the spare hosts' cluster.")
    hosts: dict[str, str] = Field(description="Hosts of the backup, each with the host that took its place.")
    engines: dict[str, str] = Field(description="Engine version by host.")
    begun: str = Field(description="ISO 8601.")
    result: Verdict
    exit_code: int
    recovery_seconds: float = Field(description="RTO: from the sealed file to networks that are proved.")
    target_seconds: float | None = Field(
        description="Seconds that the recovery may take: longer fails the drill; null without a target."
    )
    data_age_seconds: float = Field(description="RPO: from the backup to the drill.")
    ready_seconds: float = Field(description="Until the hosts of the lab answered; not part of the recovery time.")
    phases: list[DrillPhase]
    restored: list[Text]
    failed: list[Text] = Field(description="What could not be restored, in words.")
    verified: Literal["ok", "warning", "failed", "inconclusive", "skipped"] | None = Field(
        description="Outcome of verify; null when it did not run."
    )
    findings: list[Text] = Field(description="What verify found wrong or could not prove, in words.")
    compared: bool = Field(description="True when the restored cluster was compared with the backup.")
    lost: list[DifferenceEntry] = Field(description="Differences that nothing announces; any of them fails the drill.")
    explained: list[SkipEntry] = Field(description="What is different, as was announced.")
    unseen: list[Text] = Field(description="What could not be compared.")
    losses: list[LossEntry] = Field(description="What no restore brings back.")
    missing: list[str] = Field(description="Hosts that did not answer.")
    interrupted: bool
    left_behind: list[Text] = Field(description="What could not be taken down again, in words.")
    kept: Text | None = Field(description="The command that removes what was kept on request.")


class FiledDrill(Entry):
    """One report that is kept."""

    path: Text
    begun: str = Field(description="ISO 8601.")
    cluster: Text
    backup: Text
    result: Verdict
    recovery_seconds: float
    data_age_seconds: float
    signature: Literal["valid", "untrusted", "wrong", "missing"]
    signer: str | None = Field(description="Fingerprint of the key that signed; null where the signature is wrong.")


class DrillsDocument(Output):
    """What ``drill list --json`` prints."""

    drills: list[FiledDrill] = Field(description="Newest first.")
    unreadable: list[Text] = Field(description="Files that hold no report, with the reason.")


def drill_document(report: DrillReport) -> DrillDocument:
    """Return the report for programs. Values that could be secret are covered, so that an auditor may have it."""
    cover, backup = Cover(), report.backup
    return DrillDocument(
        schema_=1,
        id=report.id,
        tool=report.tool,
        operator=report.operator,
        backup=RehearsedBackup(
            id=backup.id,
            name=backup.name,
            cluster=backup.cluster,
            created=_moment(backup.created),
            complete=backup.complete,
            sha256=backup.sha256,
        ),
        ground=report.ground.value,
        place=report.place,
        hosts=dict(report.hosts),
        engines=dict(report.engines),
        begun=_moment(report.begun),
        result=report.result.value,
        exit_code=report.exit_code,
        recovery_seconds=report.recovery,
        target_seconds=report.target,
        data_age_seconds=round(report.age, 3),
        ready_seconds=report.ready,
        phases=[DrillPhase(name=one.name, seconds=one.seconds) for one in report.phases],
        restored=list(report.restored),
        failed=list(report.failed),
        verified=None if report.verified is None else report.verified.value,
        findings=list(report.findings),
        compared=report.compared,
        lost=[
            DifferenceEntry(
                object=one.object,
                kind=one.kind.value,
                changes=[change_entry(cover.change(change)) for change in one.changes],
            )
            for one in report.lost
        ],
        explained=[SkipEntry(what=one.what, why=one.why) for one in report.explained],
        unseen=list(report.unseen),
        losses=loss_entries(report.losses),
        missing=list(report.missing),
        interrupted=report.interrupted,
        left_behind=list(report.left_behind),
        kept=report.kept,
    )


def _moment(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")


class LostDoor(Entry):
    """What came of the requests to one published port."""

    service: Text
    port: int
    sent: int
    failed: int
    gap_seconds: float = Field(description="Longest time without an answer.")


class SilentDoor(Entry):
    """A published port that did not answer before anything was changed."""

    service: Text
    port: int


class LoseDocument(Output):
    """What ``drill lose --json`` prints."""

    cluster: Text
    nodes: list[Text] = Field(description="Hosts that took no tasks for a while.")
    begun: str = Field(description="ISO 8601.")
    drained_seconds: float = Field(description="Until their tasks had ended, and ran elsewhere where there was room.")
    moved: dict[str, int] = Field(description="Running tasks that the hosts had, by service.")
    answers: list[LostDoor]
    silent: list[SilentDoor] = Field(description="Not measured.")
    failed: list[Text] = Field(description="What did not come to run elsewhere, in words.")
    not_back: list[Text] = Field(description="Hosts that take no tasks still, with the reason.")
    interrupted: bool
    exit_code: int


def lose_document(report: LoseReport) -> LoseDocument:
    """Return the report of a loss for programs."""
    return LoseDocument(
        schema_=1,
        cluster=report.cluster,
        nodes=list(report.nodes),
        begun=_moment(report.begun),
        drained_seconds=report.drained,
        moved=dict(report.moved),
        answers=[
            LostDoor(service=one.service, port=one.port, sent=one.sent, failed=one.failed, gap_seconds=one.gap)
            for one in report.answers
        ],
        silent=[SilentDoor(service=one.service, port=one.port) for one in report.silent],
        failed=list(report.failed),
        not_back=list(report.not_back),
        interrupted=report.interrupted,
        exit_code=report.exit_code,
    )
