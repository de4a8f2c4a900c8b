"""The JSON documents of backups: the list, one backup, and what became of each in a check, a prune or a rewrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from swarmnet.model.losses import announced
from swarmnet.report.documents.base import Entry, JsonValue, Output, Text
from swarmnet.report.documents.restore import LossEntry, loss_entries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from swarmnet.errors import SwarmnetError
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.sealed import Entry as SealedEntry
    from swarmnet.model.sources import Sources


class BackupEntry(Entry):
    """One file of a repository."""

    name: Text
    path: Text
    created: str | None = Field(description="ISO 8601; null when the header cannot be trusted.")
    size: int = Field(description="Bytes.")
    problem: Text | None = Field(description="Why it cannot be used.")
    header: dict[str, JsonValue] | None = Field(description="The signed header, as it is in the file.")


class BackupsDocument(Output):
    """What ``backup list --json`` prints."""

    backups: list[BackupEntry]


class BackupHeaderDocument(Output):
    """What ``backup show --json`` prints where no identity opens the backup."""

    backup: BackupEntry


class MissingHost(Entry):
    """A host that the backup knows nothing of."""

    host: str
    reason: str


class SourcesEntry(Entry):
    """The playbook that made the cluster, as the backup holds it."""

    playbook: str
    inventory: str = Field(description="The inventory of then.")
    files: list[str] = Field(description="All files, these two included.")
    missing: list[str] = Field(description="Files that the playbook reads and no backup keeps.")


class BackupShowDocument(Output):
    """What ``backup show --json`` prints."""

    id: str
    created: str = Field(description="ISO 8601.")
    tool: str
    cluster: str
    cluster_id: str | None
    reason: str
    tags: list[str]
    complete: bool
    failures: list[MissingHost]
    fuzzy: list[str] = Field(description="Objects that changed at each look, as KIND/NAME.")
    engines: dict[str, str] = Field(description="The engine's version by host.")
    nodes: list[str]
    networks: list[str]
    local_networks: dict[str, list[str]] = Field(description="Networks of single hosts, by host.")
    volumes: dict[str, list[str]] = Field(description="Named volumes of single hosts, by host; without their data.")
    services: list[str]
    configs: list[str]
    secrets: list[str]
    sources: SourcesEntry | None = Field(description="Null where the backup was taken without --playbook.")
    losses: list[LossEntry]


class BackupCreateDocument(BackupShowDocument):
    """What ``backup create --json`` prints."""

    path: Text
    size: int = Field(description="Bytes.")


class ProblemEntry(Entry):
    """What is wrong with a backup."""

    text: Text
    exit_code: int


class CheckedEntry(Entry):
    """One backup that was checked."""

    name: Text
    path: Text
    opened: bool = Field(description="False without a problem: the signature is sound, no identity was available.")
    problem: ProblemEntry | None


class BackupCheckDocument(Output):
    """What ``backup check --json`` prints."""

    backups: list[CheckedEntry]


class KeptEntry(Entry):
    """A backup that could not be removed."""

    name: Text
    problem: Text


class BackupPruneDocument(Output):
    """What ``backup prune --json`` prints."""

    removed: bool = Field(description="False without --yes: nothing was removed.")
    backups: list[Text]
    failed: list[KeptEntry]


class RewrappedEntry(Entry):
    """One backup that was sealed again."""

    name: Text
    changed: bool
    problem: ProblemEntry | None


class RewrapDocument(Output):
    """What ``keys rewrap --json`` prints."""

    backups: list[RewrappedEntry]


class CopiedEntry(Entry):
    """One backup at one target."""

    name: Text
    target: Text = Field(description="Where it is at the target, or would be.")
    outcome: str = Field(description="copied, present (it is there already), or failed.")
    problem: ProblemEntry | None


class BackupCopyDocument(Output):
    """What ``backup copy --json`` prints."""

    copies: list[CopiedEntry]


def copied_document(name_target_outcome: Iterable[tuple[str, str, str, SwarmnetError | None]]) -> BackupCopyDocument:
    """Return what became of each backup at each target."""
    return BackupCopyDocument(
        schema_=1,
        copies=[
            CopiedEntry(name=name, target=target, outcome=outcome, problem=problem_entry(problem))
            for name, target, outcome, problem in name_target_outcome
        ],
    )


def backup_entry(entry: SealedEntry) -> BackupEntry:
    """Return one file of a repository for programs."""
    header = entry.header
    return BackupEntry(
        name=entry.name,
        path=entry.place,
        created=None if header is None else header.created.isoformat(),
        size=entry.size,
        problem=None if entry.problem is None else str(entry.problem),
        header=None if header is None else header.model_dump(mode="json"),
    )


def backups_document(entries: Iterable[SealedEntry]) -> BackupsDocument:
    """Return the list for programs."""
    return BackupsDocument(schema_=1, backups=[backup_entry(entry) for entry in entries])


def header_document(entry: SealedEntry) -> BackupHeaderDocument:
    """Return what one backup tells without an identity."""
    return BackupHeaderDocument(schema_=1, backup=backup_entry(entry))


def show_document(document: BackupDocument) -> BackupShowDocument:
    """Return what a backup holds, as counts and names."""
    state = document.state
    return BackupShowDocument(
        schema_=1,
        id=document.id,
        created=document.created.isoformat(),
        tool=document.tool,
        cluster=document.cluster,
        cluster_id=document.cluster_id,
        reason=document.reason.value,
        tags=list(document.tags),
        complete=document.completeness.complete,
        failures=[MissingHost(host=one.host, reason=one.reason) for one in document.completeness.failures],
        fuzzy=list(document.completeness.fuzzy),
        engines=dict(document.engines),
        nodes=sorted(node.hostname for node in state.nodes),
        networks=sorted(net.spec.name for net in state.networks if not net.predefined),
        local_networks={
            facts.host: sorted(net.spec.name for net in facts.networks if not net.predefined) for facts in state.hosts
        },
        volumes={facts.host: sorted(one.id for one in facts.volumes or ()) for facts in state.hosts},
        services=sorted(service.spec.name for service in state.services),
        configs=sorted(config.spec.name for config in state.configs),
        secrets=sorted(secret.spec.name for secret in state.secrets),
        sources=None if document.sources is None else sources_entry(document.sources),
        losses=loss_entries(announced(document)),
    )


def sources_entry(sources: Sources) -> SourcesEntry:
    """Return which files made the cluster."""
    return SourcesEntry(
        playbook=sources.playbook,
        inventory=sources.inventory,
        files=[one.name for one in sources.files],
        missing=list(sources.missing),
    )


def create_document(document: BackupDocument, path: Path, size: int) -> BackupCreateDocument:
    """Return a backup that was just written."""
    return BackupCreateDocument(**show_document(document).tree, path=str(path), size=size)


def problem_entry(problem: SwarmnetError | None) -> ProblemEntry | None:
    """Return what is wrong with a backup; None for nothing."""
    return None if problem is None else ProblemEntry(text=str(problem), exit_code=problem.exit_code)
