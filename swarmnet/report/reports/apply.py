"""How a plan was carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import OutcomeStatus, Status
from swarmnet.report.documents.apply import apply_document
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.reports.hosts import silent_hosts
from swarmnet.report.terminal.apply import apply_lines
from swarmnet.report.terminal.console import printed

if TYPE_CHECKING:
    from swarmnet.model.report import ApplyReport

_OUTCOMES = {
    OutcomeStatus.DONE: Status.OK,
    OutcomeStatus.FAILED: Status.FAILED,
    OutcomeStatus.SKIPPED: Status.SKIPPED,
    OutcomeStatus.STOPPED: Status.INCONCLUSIVE,
}


def apply_report(report: ApplyReport, command: str = "apply") -> Report:
    """Return how a plan was carried out: a check for each action, and for each host that did not answer."""
    checks = [
        Check(one.kind, one.target, _OUTCOMES[one.status], one.error or "", one.hint or "") for one in report.outcomes
    ]
    checks += [Check("pending", text, Status.FAILED, "a second plan is not empty") for text in report.pending]
    checks += [Check("unsettled", text, Status.INCONCLUSIVE, text) for text in report.unsettled]
    checks += silent_hosts(report.failures)
    return Report(
        command=command,
        document=apply_document(report),
        checks=tuple(checks) or (Check("cluster", report.cluster, Status.OK, "up to date"),),
        print_to=printed(apply_lines(report)),
        seconds=report.seconds,
    )
