"""The JSON documents of ``history``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from swarmnet.report.documents.base import Entry, Output, Text
from swarmnet.report.documents.verify_changes import SinceEntry, Status
from swarmnet.report.documents.verify_since import since

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from swarmnet.report.documents.verify import VerifyDocument


class KeptRun(Entry):
    """One result of verify."""

    run: str
    at: str = Field(description="When it was kept, ISO 8601.")
    status: Status
    hosts: int
    networks: int
    causes: list[str] = Field(description="The stable ids of what was wrong, each once.")
    path: Text


class HistoryDocument(Output):
    """What ``history list --json`` prints."""

    cluster: str
    runs: list[KeptRun] = Field(description="The newest first.")
    unreadable: list[Text] = Field(description="Files that hold no result that this version reads, with the reason.")


class HistoryDiffDocument(Output):
    """What ``history diff --json`` prints."""

    cluster: str
    run: str = Field(description="The later run.")
    status: Status = Field(description="How the later run ended.")
    since: SinceEntry = Field(description="What changed since the earlier one.")


def kept_run(found: VerifyDocument, path: Path) -> KeptRun:
    """Return a result as a line of the list; ``path`` begins with its time."""
    day, _, time = path.name.partition("Z-")[0].partition("T")
    at = f"{day[:4]}-{day[4:6]}-{day[6:8]}T{time[:2]}:{time[2:4]}:{time[4:6]}Z"
    causes = (one.cause for one in found.verdicts if one.cause is not None and not one.because_of)
    return KeptRun(
        run=found.run,
        at=at,
        status=found.status,
        hosts=len(found.hosts),
        networks=len(found.networks),
        causes=list(dict.fromkeys(causes)),
        path=str(path),
    )


def history_document(cluster: str, runs: Sequence[KeptRun], unreadable: Sequence[str]) -> HistoryDocument:
    """Return the results that are kept."""
    return HistoryDocument(schema_=1, cluster=cluster, runs=list(runs), unreadable=list(unreadable))


def history_diff_document(before: VerifyDocument, after: VerifyDocument) -> HistoryDiffDocument:
    """Return what changed between two results."""
    return HistoryDiffDocument(
        schema_=1, cluster=after.cluster, run=after.run, status=after.status, since=since(before, after)
    )
