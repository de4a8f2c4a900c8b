"""The JSON document of how a restore ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from swarmnet.report.documents.base import Entry, Output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.backup import BackupDocument, Loss
    from swarmnet.model.plan import Skip
    from swarmnet.model.restore_report import RestoreReport
    from swarmnet.model.supply import Supply


class SkipEntry(Entry):
    """Something of the backup that was not restored this time, and could be."""

    what: str
    why: str


class LossEntry(Entry):
    """Something that no restore can bring back."""

    kind: str
    what: str = Field(description="The object, or all.")
    why: str
    instead: str = Field(description="What happens instead, or what you have to do.")


class SupplyEntry(Entry):
    """Something that no backup holds and the operator brings along."""

    kind: Literal["host", "secret", "unlock-key", "image", "data", "files", "address"]
    what: str
    why: str
    how: str = Field(description="The command to type, or the words to add to that of the restore.")


class BackupName(Entry):
    """Which backup."""

    id: str
    created: str = Field(description="ISO 8601.")
    cluster: str


class RestoreDocument(Output):
    """What ``restore apply --json`` prints."""

    backup: str = Field(description="The backup's id.")
    taken: str = Field(description="ISO 8601. Everything after this moment is lost.")
    cluster: str
    restored: list[str]
    failed: list[str]
    not_begun: list[str]
    not_awaited: list[str]
    interrupted: bool
    skips: list[SkipEntry]
    losses: list[LossEntry]
    verified: Literal["ok", "warning", "failed", "inconclusive", "skipped"] | None = Field(
        description="Outcome of verify; null when it did not run."
    )
    missing: list[str] = Field(description="Hosts that did not answer.")
    seconds: float
    exit_code: int


def restore_document(report: RestoreReport) -> RestoreDocument:
    """Return the report for programs."""
    return RestoreDocument(
        schema_=1,
        backup=report.backup,
        taken=report.taken.isoformat().replace("+00:00", "Z"),
        cluster=report.cluster,
        restored=list(report.restored),
        failed=list(report.failed),
        not_begun=list(report.not_begun),
        not_awaited=list(report.not_awaited),
        interrupted=report.interrupted,
        skips=skip_entries(report.skips),
        losses=loss_entries(report.losses),
        verified=None if report.verified is None else report.verified.value,
        missing=list(report.missing),
        seconds=report.seconds,
        exit_code=report.exit_code,
    )


def backup_name(document: BackupDocument) -> BackupName:
    """Return which backup is meant."""
    return BackupName(id=document.id, created=document.created.isoformat(), cluster=document.cluster)


def skip_entries(skips: Iterable[Skip]) -> list[SkipEntry]:
    """Return what was left out."""
    return [SkipEntry(what=one.what, why=one.why) for one in skips]


def loss_entries(losses: Iterable[Loss]) -> list[LossEntry]:
    """Return what never comes back."""
    return [LossEntry(kind=one.kind, what=one.what, why=one.why, instead=one.instead) for one in losses]


def supply_entries(supplies: Iterable[Supply]) -> list[SupplyEntry]:
    """Return what the operator brings along."""
    return [SupplyEntry(kind=one.kind.value, what=one.what, why=one.why, how=one.how) for one in supplies]
