"""The line that ``watch --json`` prints for each change."""

from __future__ import annotations

from pydantic import Field

from swarmnet.report.documents.base import Output, Text
from swarmnet.report.documents.verify_changes import SinceEntry, Status


class WatchDocument(Output):
    """One change, in one line: what ``watch --json`` prints, and gives to ``--on-change``."""

    cluster: str
    at: str = Field(description="ISO 8601.")
    round: int = Field(description="From 1.")
    status: Status | None = Field(description="How the round ended; null where the cluster could not be asked.")
    before: Status | None = Field(description="How the round before it ended; null for the first one.")
    answer: Text = Field(description="One sentence for people.")
    problem: Text | None = Field(description="Why the cluster could not be asked; null where it could.")
    since: SinceEntry | None = Field(description="What changed since the last round that could ask; null without one.")
