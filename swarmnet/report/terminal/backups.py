"""Backups and drift as text for people and as JSON for programs."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from swarmnet.model.losses import announced
from swarmnet.report.terminal.text import PLAIN, Paint, count, on_one_line, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.base import JsonObject
    from swarmnet.model.sealed import Entry, SealedHeader

TIME = "%Y-%m-%d %H:%M:%S UTC"


def origin(backup: str, created: datetime, cluster: str, now: datetime) -> str:
    """Return which backup is meant, as the plan of a restore and its question name it."""
    taken = created.astimezone(UTC).strftime(TIME)
    return f"backup {backup[:8]} of {taken}, cluster {cluster}, {count((now - created).days, 'day')} old"


def entry_json(entry: Entry) -> JsonObject:
    """Return one line of the list for programs."""
    header: JsonObject | None = None if entry.header is None else entry.header.model_dump(mode="json")
    return {
        "name": entry.name,
        "path": str(entry.path),
        "created": None if entry.header is None else entry.header.created.isoformat(),
        "size": entry.size,
        "problem": None if entry.problem is None else entry.problem.message,
        "header": header,
    }


def entry_table(entries: Iterable[Entry], paint: Paint = PLAIN) -> str:
    """Return the list for people: a table of what can be used, then a line for each file that cannot."""
    entries = tuple(entries)
    usable = [_cells(entry, entry.header) for entry in entries if entry.header is not None and entry.problem is None]
    lines = [table(("BACKUP", "CLUSTER", "BYTES", "STATE", "REASON", "TAGS"), usable, paint)] if usable else []
    lines += [
        on_one_line(f"{entry.path.parent.name}/{entry.path.name}  UNUSABLE: {entry.problem}")
        for entry in entries
        if entry.problem is not None
    ]
    return "\n".join(lines)


def _cells(entry: Entry, header: SealedHeader) -> tuple[str, ...]:
    state = "complete" if header.complete else "PARTIAL"
    return entry.name, header.cluster, str(entry.size), state, header.reason.value, ", ".join(header.tags)


def summary(document: BackupDocument) -> JsonObject:
    """Return what a backup holds, as counts and names."""
    state = document.state
    return {
        "schema": 1,
        "id": document.id,
        "created": document.created.isoformat(),
        "tool": document.tool,
        "cluster": document.cluster,
        "cluster_id": document.cluster_id,
        "reason": document.reason.value,
        "tags": list(document.tags),
        "complete": document.completeness.complete,
        "failures": [{"host": one.host, "reason": one.reason} for one in document.completeness.failures],
        "engines": dict(document.engines),
        "nodes": [node.hostname for node in state.nodes],
        "networks": [net.spec.name for net in state.networks if not net.predefined],
        "local_networks": {
            facts.host: [net.spec.name for net in facts.networks if not net.predefined] for facts in state.hosts
        },
        "services": [service.spec.name for service in state.services],
        "configs": [config.spec.name for config in state.configs],
        "secrets": [secret.spec.name for secret in state.secrets],
        "losses": [
            {"kind": one.kind, "what": one.what, "why": one.why, "instead": one.instead} for one in announced(document)
        ],
    }


def summary_lines(document: BackupDocument) -> Iterator[str]:
    """Yield what a backup holds, for people."""
    found = summary(document)
    yield f"backup      {document.id}"
    yield f"cluster     {document.cluster} ({document.cluster_id or 'no manager answered'})"
    yield f"created     {document.created.strftime(TIME)} by {document.tool}, {document.reason.value}"
    yield f"complete    {'yes' if document.completeness.complete else 'NO'}"
    for failure in document.completeness.failures:
        yield f"  missing   {failure.host}: {failure.reason}"
    yield "engines     " + _joined(f"{host} {version}" for host, version in sorted(document.engines.items()))
    for word in ("nodes", "networks", "services", "configs", "secrets"):
        names = found[word]
        yield f"{word:<11} " + _joined(str(name) for name in (names if isinstance(names, list) else []))
    for facts in document.state.hosts:
        local = [net.spec.name for net in facts.networks if not net.predefined]
        if local:
            yield f"on {facts.host:<8} {_joined(local)}"
    yield "never comes back:"
    for loss in announced(document):
        yield f"  {loss.kind}: {loss.what}: {loss.why}; {loss.instead}"


def _joined(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
