"""The JSON document of a playbook that was written for a living cluster or a backup."""

from __future__ import annotations

from pydantic import Field

from swarmnet.report.documents.base import Entry, FailureEntry, Output, Text


class LeftOutEntry(Entry):
    """An object whose step is a comment."""

    object: str = Field(description="For example service web.")
    reason: str


class AdoptDocument(Output):
    """What ``adopt --json`` prints."""

    cluster: str
    playbook: Text = Field(description="The file that was written.")
    inventory: Text | None = Field(description="The inventory that was written; null without --inventory-out.")
    files: list[Text] = Field(description="Files with contents of configs, next to the playbook.")
    steps: dict[str, int] = Field(description="The number of steps by their operation, without comments.")
    left_out: list[LeftOutEntry] = Field(description="What is written as a comment, since a plan of it is not empty.")
    warnings: list[str]
    failures: list[FailureEntry]
