"""The JSON document of how an apply, a reset or a ``restore undo`` ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from swarmnet.report.documents.base import Entry, FailureEntry, Output, failure_entries

if TYPE_CHECKING:
    from swarmnet.model.report import ApplyReport


class OutcomeEntry(Entry):
    """How one action ended."""

    kind: str
    target: str
    status: Literal["done", "failed", "skipped", "stopped"]
    seconds: float
    error: str | None
    hint: str | None


class ApplyDocument(Output):
    """What ``apply --json``, ``reset --json`` and ``restore undo --json`` print."""

    cluster: str
    actions: list[OutcomeEntry]
    pending: list[str] = Field(description="What a second plan would still do.")
    unsettled: list[str] = Field(description="Services and nodes that are not ready, though nothing is left to do.")
    failures: list[FailureEntry]
    interrupted: bool
    proved: bool = Field(description="True when all was done and a second plan is empty.")
    seconds: float


def apply_document(report: ApplyReport) -> ApplyDocument:
    """Return the report for programs."""
    return ApplyDocument(
        schema_=1,
        cluster=report.cluster,
        actions=[
            OutcomeEntry(
                kind=one.kind,
                target=one.target,
                status=one.status.value,
                seconds=one.seconds,
                error=one.error,
                hint=one.hint,
            )
            for one in report.outcomes
        ],
        pending=list(report.pending),
        unsettled=list(report.unsettled),
        failures=failure_entries(report.failures),
        interrupted=report.interrupted,
        proved=not (report.failed or report.interrupted or report.unsettled or report.failures),
        seconds=round(report.seconds, 3),
    )
