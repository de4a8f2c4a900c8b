"""Backups: the list, one of them, and what became of each in a check, a prune, a rewrap or a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.documents.backups import backups_document, header_document
from swarmnet.report.documents.drift import drift_document
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.backups import entry_lines
from swarmnet.report.terminal.console import line, printed
from swarmnet.report.terminal.drift import drift_lines, two_clusters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from swarmnet.model.differences import Drift
    from swarmnet.model.redaction import Cover
    from swarmnet.model.sealed import Entry
    from swarmnet.report.documents.backups import (
        BackupCheckDocument,
        BackupCopyDocument,
        BackupCreateDocument,
        BackupPruneDocument,
        BackupShowDocument,
        ProblemEntry,
        RewrapDocument,
    )
    from swarmnet.report.documents.base import Output
    from swarmnet.report.terminal.console import Line


def backups_report(entries: Sequence[Entry], place: str) -> Report:
    """Return the list of backups: a check for each file."""
    return Report(
        command="backup list",
        document=backups_document(entries),
        checks=tuple(_backup(entry) for entry in entries),
        print_to=printed(_entries(entries, place)),
    )


def header_report(entry: Entry) -> Report:
    """Return what one backup tells without an identity."""
    return _report("show", header_document(entry), [_backup(entry)], entry_lines([entry]))


def shown_report(document: BackupShowDocument, lines: Iterable[Line]) -> Report:
    """Return what a backup holds: a check for the backup, and for each host that it knows nothing of."""
    return _report("show", document, _content(document), lines)


def created_report(document: BackupCreateDocument, lines: Iterable[Line]) -> Report:
    """Return a backup that was just written, with the same checks."""
    return _report("create", document, _content(document), lines)


def checked_report(document: BackupCheckDocument, lines: Iterable[Line]) -> Report:
    """Return what was checked: inconclusive where no identity was available to open a backup."""
    checks = [
        _ended(one.name, one.problem, "opened and read")
        if one.problem or one.opened
        else Check("backup", one.name, Status.INCONCLUSIVE, "the signature is valid; no identity opens it")
        for one in document.backups
    ]
    return _report("check", document, checks, lines)


def copied_report(document: BackupCopyDocument, lines: Iterable[Line]) -> Report:
    """Return which backups are at the targets now."""
    checks = [_ended(one.target, one.problem, one.outcome) for one in document.copies]
    return _report("copy", document, checks, lines)


def pruned_report(document: BackupPruneDocument, lines: Iterable[Line]) -> Report:
    """Return what no rule keeps: a warning for each backup that is still there."""
    status, word = (Status.OK, "removed") if document.removed else (Status.WARNING, "would be removed")
    checks = [Check("backup", name, status, word) for name in document.backups]
    checks += [Check("backup", one.name, Status.FAILED, one.problem) for one in document.failed]
    return _report("prune", document, checks, lines)


def rewrapped_report(document: RewrapDocument, lines: Iterable[Line]) -> Report:
    """Return which backups were sealed again."""
    checks = [
        _ended(one.name, one.problem, "sealed again" if one.changed else "up to date") for one in document.backups
    ]
    return Report("keys rewrap", document, tuple(checks), printed(lines))


def drift_report(found: Drift, cover: Cover, clusters: tuple[str, str]) -> Report:
    """Return what differs: a warning for each object, an inconclusive check for what could not be compared.

    Args:
        found: the differences.
        cover: which values are shown.
        clusters: names of the clusters before and after; a comparison of two clusters says so first.
    """
    two = two_clusters(clusters)
    checks = [Check("backup", "clusters", Status.WARNING, two)] if two else []
    checks += [
        Check(
            one.ref.kind,
            one.object,
            Status.WARNING,
            ", ".join((one.kind.value, *(change.path for change in one.changes))),
        )
        for one in found.differences
    ]
    checks += [Check("unseen", text, Status.INCONCLUSIVE, "not compared") for text in found.unseen]
    none = Check("backup", "drift", Status.OK, "no drift")
    lines = (*([line((f"warning: {two}", "yellow"))] if two else []), *drift_lines(found, cover))
    return _report("diff", drift_document(found, cover, clusters), checks or [none], lines)


def _report(verb: str, document: Output, checks: Iterable[Check], lines: Iterable[Line]) -> Report:
    return Report(f"backup {verb}", document, tuple(checks), printed(lines))


def _content(document: BackupShowDocument) -> Iterator[Check]:
    status, word = (Status.OK, "complete") if document.complete else (Status.WARNING, "partial")
    yield Check("backup", document.id, status, word)
    for one in document.failures:
        yield Check("host", one.host, Status.INCONCLUSIVE, one.reason)


def _ended(name: str, problem: ProblemEntry | None, well: str) -> Check:
    if problem is not None:
        return Check("backup", name, Status.FAILED, problem.text)
    return Check("backup", name, Status.OK, well)


def _entries(entries: Sequence[Entry], place: str) -> Iterator[Line]:
    yield from entry_lines(entries)
    if not entries:
        yield f"no backups in {place}; `swarmnet backup create` takes one"


def _backup(entry: Entry) -> Check:
    if entry.problem is not None:
        return Check("backup", entry.name, Status.FAILED, str(entry.problem), entry.problem.hint or "")
    complete = entry.header is not None and entry.header.complete
    return Check("backup", entry.name, Status.OK if complete else Status.WARNING, "complete" if complete else "partial")
