"""Every result that a command reports, ready for any format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import OutcomeStatus, Status
from swarmnet.report.documents.apply import apply_document
from swarmnet.report.documents.backups import backups_document
from swarmnet.report.documents.restore import restore_document
from swarmnet.report.documents.verify import verify_document
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.apply import apply_lines
from swarmnet.report.terminal.backups import entry_lines
from swarmnet.report.terminal.console import show
from swarmnet.report.terminal.restore import report_lines
from swarmnet.report.terminal.verification import show as show_verification

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from swarmnet.model.plan import Plan
    from swarmnet.model.report import ApplyReport, Verdict
    from swarmnet.model.restore_report import RestoreReport
    from swarmnet.model.sealed import Entry
    from swarmnet.model.state import HostFailure
    from swarmnet.model.verification import Verification
    from swarmnet.report.documents.base import Output
    from swarmnet.report.documents.status import StatusDocument
    from swarmnet.report.terminal.console import Line

_OUTCOMES = {
    OutcomeStatus.DONE: Status.OK,
    OutcomeStatus.FAILED: Status.FAILED,
    OutcomeStatus.SKIPPED: Status.SKIPPED,
    OutcomeStatus.STOPPED: Status.INCONCLUSIVE,
}


def verify_report(result: Verification, *, verbose: bool) -> Report:
    """Return a verification: a check for each verdict."""
    return Report(
        command="verify",
        document=verify_document(result),
        checks=tuple(_verdict(one) for one in result.verdicts),
        print_to=lambda console: show_verification(console, result, verbose=verbose),
        seconds=sum(phase.seconds for phase in result.phases),
    )


def apply_report(report: ApplyReport, command: str = "apply") -> Report:
    """Return how a plan was carried out: a check for each action, and for each host that did not answer."""
    checks = [
        Check(one.kind, one.target, _OUTCOMES[one.status], one.error or "", one.hint or "") for one in report.outcomes
    ]
    checks += [Check("pending", text, Status.FAILED, "a second plan is not empty") for text in report.pending]
    checks += [Check("unsettled", text, Status.INCONCLUSIVE, text) for text in report.unsettled]
    return Report(
        command=command,
        document=apply_document(report),
        checks=(*checks, *_failures(report.failures)) or (Check("cluster", report.cluster, Status.OK, "up to date"),),
        print_to=lambda console: show(console, apply_lines(report)),
        seconds=report.seconds,
    )


def restore_report(report: RestoreReport) -> Report:
    """Return how a restore ended: a check for each action, each skip, and for verify."""
    verified = Status.INCONCLUSIVE if report.verified is None else report.verified
    checks = [Check("restored", target, Status.OK) for target in report.restored]
    checks += [Check("failed", text, Status.FAILED, text) for text in report.failed]
    checks += [Check("not-begun", target, Status.SKIPPED) for target in report.not_begun]
    checks += [Check("not-awaited", target, Status.INCONCLUSIVE) for target in report.not_awaited]
    checks += [Check("skip", one.what, Status.SKIPPED, one.why) for one in report.skips]
    checks += [Check("host", host, Status.INCONCLUSIVE, "did not answer") for host in report.missing]
    checks += [Check("verify", "networks", verified, "not run" if report.verified is None else "")]
    return Report(
        command="restore",
        document=restore_document(report),
        checks=tuple(checks),
        print_to=lambda console: show(console, report_lines(report)),
        seconds=report.seconds,
    )


def plan_report(
    plan: Plan, document: Output, lines: Iterable[Line], *, failures: Sequence[HostFailure], refused: Sequence[str]
) -> Report:
    """Return a plan: a warning for each pending change, a failure for each reason why apply would refuse it."""
    kept = tuple(lines)
    changes = [Check(one.kind, one.target, Status.WARNING, one.why) for one in plan.actions if not one.always]
    changes += [Check("refused", text, Status.FAILED, text) for text in refused]
    return Report(
        command="plan",
        document=document,
        checks=(*changes, *_failures(failures)) or (Check("cluster", plan.cluster, Status.OK, "nothing to do"),),
        print_to=lambda console: show(console, kept),
    )


def status_report(document: StatusDocument, lines: Iterable[Line]) -> Report:
    """Return a cluster at a glance: a check for the cluster, and for each node and service."""
    kept, found = tuple(lines), document.standing
    health = {"healthy": Status.OK, "degraded": Status.WARNING, "lost": Status.FAILED}
    whole = Check(
        "cluster",
        document.cluster,
        health.get(found.health, Status.INCONCLUSIVE),
        "; ".join((found.health, *found.reasons)),
        found.next or "",
    )
    nodes = [
        Check(
            "node",
            one.host or one.hostname or one.id,
            Status.OK if one.status == "ready" else Status.FAILED,
            one.status,
        )
        for one in document.nodes
    ]
    services = [
        Check(
            "service",
            one.name,
            Status.OK if one.running >= one.desired else Status.FAILED,
            f"{one.running}/{one.desired} running" + "".join(f"; {why}" for why in one.failing),
        )
        for one in document.services
    ]
    hosts = [Check("host", one.host, Status.INCONCLUSIVE, one.reason, one.hint or "") for one in document.failures]
    return Report(
        command="status",
        document=document,
        checks=(whole, *nodes, *services, *hosts),
        print_to=lambda console: show(console, kept),
    )


def backups_report(entries: Sequence[Entry], place: str) -> Report:
    """Return the list of backups: a check for each file."""
    return Report(
        command="backup list",
        document=backups_document(entries),
        checks=tuple(_backup(entry) for entry in entries),
        print_to=lambda console: show(console, _entries(entries, place)),
    )


def _entries(entries: Sequence[Entry], place: str) -> Iterator[Line]:
    yield from entry_lines(entries)
    if not entries:
        yield f"no backups in {place}; `swarmnet backup create` takes one"


def _backup(entry: Entry) -> Check:
    if entry.problem is not None:
        return Check("backup", entry.name, Status.FAILED, str(entry.problem), entry.problem.hint or "")
    complete = entry.header is not None and entry.header.complete
    return Check("backup", entry.name, Status.OK if complete else Status.WARNING, "complete" if complete else "partial")


def _verdict(one: Verdict) -> Check:
    """Return a verdict as a check. Of a consequence, the advice names its causes: fixing them is enough."""
    because = "; ".join(f"{cause.scenario}: {cause.subject}" for cause in one.because_of)
    advice = f"follows from {because}" if because else one.fix or ""
    return Check(one.scenario, one.subject, one.status, one.detail, advice, one.cause or "")


def _failures(failures: Iterable[HostFailure]) -> Iterator[Check]:
    for one in failures:
        yield Check("host", one.host, Status.INCONCLUSIVE, one.reason, one.hint or "")
