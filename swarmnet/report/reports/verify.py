"""What a verification found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.documents.verify import verify_document
from swarmnet.report.formats.report import Check, Report
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
    )


def _verdict(one: Verdict) -> Check:
    """Return a verdict as a check. Of a consequence, the advice names its causes: fixing them is enough."""
    because = "; ".join(f"{cause.scenario}: {cause.subject}" for cause in one.because_of)
    advice = f"follows from {because}" if because else one.fix or ""
    return Check(one.scenario, one.subject, one.status, one.detail, advice, one.cause or "")
