"""Backups for people."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from swarmnet.model.age import in_words
from swarmnet.model.losses import announced
from swarmnet.report.documents.backups import show_document
from swarmnet.report.terminal.console import line, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from swarmnet.model.backup import BackupDocument, Completeness
    from swarmnet.model.sealed import Entry, SealedHeader
    from swarmnet.model.sources import Sources
    from swarmnet.report.terminal.console import Line

TIME = "%Y-%m-%d %H:%M:%S UTC"


def origin(backup: str, created: datetime, cluster: str, now: datetime) -> str:
    """Return which backup is meant, as the plan of a restore and its question name it."""
    taken = created.astimezone(UTC).strftime(TIME)
    return f"backup {backup[:8]} of {taken}, cluster {cluster}, {in_words((now - created).total_seconds())}"


def entry_lines(entries: Iterable[Entry]) -> Iterator[Line]:
    """Yield a table of the backups that can be used, then a line for each file that cannot."""
    entries = tuple(entries)
    usable = [_cells(entry, entry.header) for entry in entries if entry.header is not None and entry.problem is None]
    if usable:
        yield table(("BACKUP", "CLUSTER", "BYTES", "STATE", "REASON", "TAGS"), usable)
    for entry in entries:
        if entry.problem is not None:
            yield line(f"{entry.path.parent.name}/{entry.path.name}  ", (f"UNUSABLE: {entry.problem}", "red"))


def _cells(entry: Entry, header: SealedHeader) -> tuple[str, ...]:
    state = "raft" if header.is_raft else "complete" if header.complete else "PARTIAL"
    return entry.name, header.cluster, str(entry.size), state, header.reason.value, ", ".join(header.tags)


def summary_lines(document: BackupDocument) -> Iterator[Line]:
    """Yield what a backup holds."""
    found = show_document(document)
    yield f"backup      {document.id}"
    yield f"cluster     {document.cluster} ({document.cluster_id or 'no manager answered'})"
    yield f"created     {document.created.strftime(TIME)} by {document.tool}, {document.reason.value}"
    yield from _completeness(document.completeness)
    yield "engines     " + _joined(f"{host} {version}" for host, version in sorted(document.engines.items()))
    for word in ("nodes", "networks", "services", "configs", "secrets"):
        yield f"{word:<11} " + _joined(getattr(found, word))
    for host, local in found.local_networks.items():
        if local:
            yield f"on {host:<8} {_joined(local)}"
    for host, held in found.volumes.items():
        if held:
            yield f"volumes on {host:<8} {_joined(held)}"
    yield from _files(document.sources)
    yield "never comes back:"
    for loss in announced(document):
        yield f"  {loss.kind}: {loss.what}: {loss.why}; {loss.instead}"


def _files(sources: Sources | None) -> Iterator[Line]:
    if sources is not None:
        yield f"files       {_joined(one.name for one in sources.files)}"
        if sources.missing:
            yield f"  not kept  {_joined(sources.missing)}"


def _completeness(found: Completeness) -> Iterator[Line]:
    yield f"complete    {'yes' if found.complete else 'NO'}"
    for failure in found.failures:
        yield f"  missing   {failure.host}: {failure.reason}"
    if found.fuzzy:
        yield f"  fuzzy     changed during each look: {_joined(found.fuzzy)}"


def _joined(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
