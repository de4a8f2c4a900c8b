"""The JSON document of a check of hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from swarmnet.report.documents.base import Entry, JsonValue, Output
from swarmnet.report.documents.verify import MatrixEntry, PhaseEntry, Status, matrix_entry

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.model.verification import Verification


class FindingEntry(Entry):
    """One finding."""

    check: str = Field(description="The name that --only takes.")
    subject: str
    status: Status
    detail: str
    cause: str | None = Field(description="The stable id of what is wrong; null where nothing is.")
    hosts: list[str] = Field(description="The hosts that it is about; empty where it is about all.")
    fix: str | None
    commands: list[str] = Field(description="What can be typed on those hosts, by their distribution.")
    evidence: dict[str, JsonValue]
    because_of: list[int] = Field(description="Positions of the findings that it follows from; empty for a cause.")


class CheckDocument(Output):
    """What ``check --json`` prints."""

    status: Status
    run: str
    cluster: str
    hosts: list[str]
    findings: list[FindingEntry] = Field(description="The worst first.")
    pairs: MatrixEntry | None = Field(description="All ordered pairs; null where fewer than two hosts were checked.")
    phases: list[PhaseEntry]
    notes: list[str]


def check_document(result: Verification) -> CheckDocument:
    """Return the result for programs."""
    return CheckDocument(
        schema_=1,
        status=result.status.value,
        run=result.run,
        cluster=result.cluster,
        hosts=list(result.hosts),
        findings=[_finding(one) for one in result.verdicts],
        pairs=next((matrix_entry(one) for one in result.matrices), None),
        phases=[PhaseEntry(name=one.name, seconds=one.seconds) for one in result.phases],
        notes=list(result.notes),
    )


def _finding(one: Verdict) -> FindingEntry:
    known = ("hosts", "commands", "cause")
    return FindingEntry(
        check=one.scenario,
        subject=one.subject,
        status=one.status.value,
        detail=one.detail,
        cause=one.cause,
        hosts=_words(one.evidence.get("hosts")),
        fix=one.fix,
        commands=_words(one.evidence.get("commands")),
        evidence={key: value for key, value in one.evidence.items() if key not in known},
        because_of=[cause.verdict for cause in one.because_of],
    )


def _words(found: JsonValue) -> list[str]:
    return [str(one) for one in found] if isinstance(found, list) else []
