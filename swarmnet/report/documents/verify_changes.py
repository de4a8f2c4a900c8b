"""The part of the document of a verification that says what changed since an earlier one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from swarmnet.report.documents.base import Entry

Status = Literal["ok", "warning", "failed", "inconclusive", "skipped"]


class ChangedVerdictEntry(Entry):
    """A subject on which the verdict is another one."""

    scenario: str
    subject: str
    before: Status | None = Field(description="The worst status of its verdicts then; null where it had none.")
    after: Status | None = Field(description="The worst status of its verdicts now; null where it has none.")
    causes_before: list[str] = Field(description="The stable ids of what was wrong.")
    causes_after: list[str] = Field(description="The stable ids of what is wrong.")


class ChangedPairEntry(Entry):
    """An ordered pair of hosts that ended differently under one scenario."""

    scenario: str
    network: str
    source: str
    destination: str
    before: Status | None = Field(description="Null where it was not measured.")
    after: Status | None = Field(description="Null where it is not measured.")


class SinceEntry(Entry):
    """What changed since an earlier run."""

    run: str = Field(description="The earlier run.")
    status: Status = Field(description="How the earlier run ended.")
    verdicts: list[ChangedVerdictEntry]
    pairs: list[ChangedPairEntry] = Field(description="Of scenarios and networks that both runs measured.")
