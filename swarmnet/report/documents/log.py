"""The JSON document of ``logs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.documents.base import Entry, Output, Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.log import LogLine


class LogEntryDocument(Entry):
    """One line that a task printed."""

    at: str
    service: Text
    task: Text
    node: Text
    text: Text


class LogsDocument(Output):
    """What ``logs --json`` prints."""

    cluster: Text
    lines: list[LogEntryDocument]


def logs_document(cluster: str, lines: Iterable[LogLine]) -> LogsDocument:
    """Return the document of these lines."""
    entries = [LogEntryDocument.model_validate(one.model_dump()) for one in lines]
    return LogsDocument(schema_=1, cluster=cluster, lines=entries)
