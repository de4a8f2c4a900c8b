"""What the tasks of services print."""

from __future__ import annotations

from swarmnet.model.base import Document


class LogEntry(Document):
    """One line that a task printed."""

    at: str
    """When its engine read it: RFC 3339 in UTC with nanoseconds, so the order of texts is the order of times."""
    node_id: str
    task_id: str
    text: str


class LogLine(Document):
    """One line, with the names that people know."""

    at: str
    service: str
    task: str
    """``web.2``."""
    node: str
    text: str
