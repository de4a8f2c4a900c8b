"""What a verification found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.documents.verify import verify_document
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.reports.verify_gauges import verify_gauges
from swarmnet.report.reports.verify_page import verify_page
from swarmnet.report.terminal.verdicts import commands
from swarmnet.report.terminal.verification import show

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.model.verification import Verification


def verify_report(result: Verification, *, verbose: bool) -> Report:
    """Return a verification: a check for each verdict."""
    return Report(
        command="verify",
        document=verify_document(result),
        checks=tuple(_verdict(one) for one in result.verdicts),
        print_to=lambda console: show(console, result, verbose=verbose),
        seconds=sum(phase.seconds for phase in result.phases),
        page=lambda: verify_page(result),
        gauges=lambda: verify_gauges(result),
    )


def _verdict(one: Verdict) -> Check:
    """Return a verdict as a check. Of a consequence, the advice names its causes: fixing them is enough."""
    because = "; ".join(f"{cause.scenario}: {cause.subject}" for cause in one.because_of)
    advice = f"follows from {because}" if because else one.fix or ""
    return Check(
        group=one.scenario,
        name=one.subject,
        status=one.status,
        detail=one.detail,
        advice=advice,
        cause=one.cause or "",
        commands=commands(one),
        follows=tuple(cause.verdict for cause in one.because_of),
    )
