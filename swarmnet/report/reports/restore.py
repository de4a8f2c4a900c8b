"""How a restore ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.documents.restore import restore_document
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.console import printed
from swarmnet.report.terminal.restore import report_lines

if TYPE_CHECKING:
    from swarmnet.model.restore_report import RestoreReport


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
        print_to=printed(report_lines(report)),
        seconds=report.seconds,
    )
