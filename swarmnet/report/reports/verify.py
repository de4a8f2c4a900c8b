"""What a verification found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.documents.verify import verify_document
from swarmnet.report.documents.verify_since import since
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.reports.verify_gauges import verify_gauges
from swarmnet.report.reports.verify_page import verify_page
from swarmnet.report.terminal.console import printed
from swarmnet.report.terminal.since import since_lines
from swarmnet.report.terminal.verdicts import commands
from swarmnet.report.terminal.verification import show

if TYPE_CHECKING:
    from rich.console import Console

    from swarmnet.model.report import Verdict
    from swarmnet.model.verification import Verification
    from swarmnet.report.documents.verify import VerifyDocument


def verify_report(result: Verification, *, verbose: bool, earlier: VerifyDocument | None = None) -> Report:
    """Return a verification: a check for each verdict, and what changed since an earlier one."""
    document = verify_document(result)
    if earlier is not None:
        document = document.model_copy(update={"since": since(earlier, document)})
    changes = () if document.since is None else tuple(since_lines(document.since))
    return Report(
        command="verify",
        document=document,
        checks=tuple(verdict_check(one) for one in result.verdicts),
        print_to=lambda console: _print(console, result, changes, verbose=verbose),
        seconds=sum(phase.seconds for phase in result.phases),
        page=lambda: verify_page(result, changes),
        gauges=lambda: verify_gauges(result),
    )


def _print(console: Console, result: Verification, changes: tuple[str, ...], *, verbose: bool) -> None:
    show(console, result, verbose=verbose)
    printed(changes)(console)


def verdict_check(one: Verdict) -> Check:
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
        certainty=one.certainty or "",
        commands=commands(one.evidence),
        follows=tuple(cause.verdict for cause in one.because_of),
    )
