"""The JSON document of a verification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from swarmnet.report.documents.base import Entry, JsonValue, Output
from swarmnet.report.documents.verify_changes import SinceEntry

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.model.verification import ExpectedMatrix, Matrix, Verification

Status = Literal["ok", "warning", "failed", "inconclusive", "skipped"]


class CauseEntry(Entry):
    """The verdict that another one follows from."""

    verdict: int = Field(description="Its position among the verdicts, from 0.")
    scenario: str
    subject: str
    cause: str | None = Field(description="The stable id of what is wrong there, as in that verdict.")


class VerdictEntry(Entry):
    """One finding."""

    scenario: str
    subject: str
    status: Status
    detail: str
    cause: str | None = Field(description="The stable id of what is wrong; null where nothing is.")
    certainty: Literal["proven", "likely", "possible"] | None = Field(
        description="How sure the cause is: seen itself, concluded from what failed, or one of several explanations."
    )
    fix: str | None
    evidence: dict[str, JsonValue]
    because_of: list[CauseEntry] = Field(description="Empty for a cause, and for what is fine.")


class CellEntry(Entry):
    """One ordered pair of hosts under one scenario."""

    status: Status
    detail: str
    milliseconds: float | None = Field(description="Time of the round trip, or of the whole transfer.")
    lost: float | None = Field(description="Share of the datagrams that did not arrive, from 0 to 1.")


class MatrixEntry(Entry):
    """All ordered pairs of hosts on one network under one scenario."""

    scenario: str
    network: str
    hosts: list[str]
    cells: dict[str, dict[str, CellEntry]] = Field(description="By source, then by destination.")


class ExpectedCellEntry(Entry):
    """One service or container that reaches for another one."""

    wanted: Literal["allow", "deny", "both"]
    doors: list[str] = Field(description="The ports that are named, such as 5432 or 53/udp; empty for all that listen.")
    seen: str = Field(description="open, closed, unknown, or the id of what keeps an allowed port from answering.")
    status: Status


class ExpectedEntry(Entry):
    """Who should reach whom, next to who did."""

    parties: list[str]
    cells: dict[str, dict[str, ExpectedCellEntry]] = Field(
        description="By who reaches, then by whom; no entry where nothing is said."
    )
    containers: int = Field(description="Containers that questions were asked from.")
    hosts: int
    questions: int


class PhaseEntry(Entry):
    """How long one part of the run took."""

    name: str
    seconds: float


class VerifyDocument(Output):
    """What ``verify --json`` prints."""

    status: Status
    run: str
    cluster: str
    networks: list[str]
    hosts: list[str]
    scenarios: list[str] = Field(description="The names of those that were asked.")
    verdicts: list[VerdictEntry] = Field(description="The worst first.")
    matrices: list[MatrixEntry]
    expected: ExpectedEntry | None = Field(description="What the playbook expects; null without expectations.")
    phases: list[PhaseEntry]
    notes: list[str]
    level: Literal["quick", "standard", "full"] | None = Field(
        description="How much was to be proved; null where scenarios were chosen by name."
    )
    untested: list[str] = Field(description="Those of the networks on which nothing could be tested.")
    since: SinceEntry | None = Field(description="What changed since the run of --since; null without it.")


def verify_document(result: Verification) -> VerifyDocument:
    """Return the result for programs."""
    return VerifyDocument(
        schema_=1,
        status=result.status.value,
        run=result.run,
        cluster=result.cluster,
        networks=list(result.networks),
        hosts=list(result.hosts),
        scenarios=list(result.scenarios),
        verdicts=[_verdict(one) for one in result.verdicts],
        matrices=[matrix_entry(one) for one in result.matrices],
        expected=_expected(result.expected) if result.expected is not None else None,
        phases=[PhaseEntry(name=one.name, seconds=one.seconds) for one in result.phases],
        notes=list(result.notes),
        level=result.level.value if result.level is not None else None,
        untested=list(result.untested),
        since=None,
    )


def _verdict(one: Verdict) -> VerdictEntry:
    return VerdictEntry(
        scenario=one.scenario,
        subject=one.subject,
        status=one.status.value,
        detail=one.detail,
        cause=one.cause,
        certainty=None if one.certainty is None else one.certainty.value,
        fix=one.fix,
        evidence=one.evidence,
        because_of=[
            CauseEntry(verdict=cause.verdict, scenario=cause.scenario, subject=cause.subject, cause=cause.cause)
            for cause in one.because_of
        ],
    )


def matrix_entry(one: Matrix) -> MatrixEntry:
    """Return a matrix for programs."""
    return MatrixEntry(
        scenario=one.scenario,
        network=one.network,
        hosts=list(one.hosts),
        cells={
            source: {
                target: CellEntry(
                    status=cell.status.value, detail=cell.detail, milliseconds=cell.milliseconds, lost=cell.lost
                )
                for target, cell in row.items()
            }
            for source, row in one.cells.items()
        },
    )


def _expected(one: ExpectedMatrix) -> ExpectedEntry:
    return ExpectedEntry(
        parties=list(one.parties),
        cells={
            source: {
                target: ExpectedCellEntry(
                    wanted=cell.wanted.value, doors=list(cell.doors), seen=cell.seen, status=cell.status.value
                )
                for target, cell in row.items()
            }
            for source, row in one.cells.items()
        },
        containers=one.containers,
        hosts=one.hosts,
        questions=one.questions,
    )
