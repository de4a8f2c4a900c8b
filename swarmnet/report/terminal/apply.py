"""How an apply ended, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import OutcomeStatus
from swarmnet.report.terminal.console import line
from swarmnet.report.terminal.plan import failure_lines
from swarmnet.report.terminal.text import count, on_one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.report import ApplyReport
    from swarmnet.report.terminal.console import Line


def apply_lines(report: ApplyReport) -> Iterator[Line]:
    """Yield what failed, what was left out, what is pending, and the sentence that sums it up."""
    for outcome in report.outcomes:
        if outcome.status is OutcomeStatus.FAILED:
            yield line((f"failed: {outcome.target}: {shortened(on_one_line(outcome.error or ''))}", "red"))
            if outcome.hint:
                yield f"  hint: {shortened(on_one_line(outcome.hint))}"
    for target in _targets(report, OutcomeStatus.STOPPED):
        yield line((f"accepted, not awaited: {target}", "yellow"))
    for target in _targets(report, OutcomeStatus.SKIPPED):
        yield line((f"not started: {target}", "yellow"))
    for text in report.pending:
        yield line((f"still pending: {text}", "red"))
    for text in report.unsettled:
        yield line((f"unhealthy: {text}", "yellow"))
    yield from failure_lines(report.failures)
    yield line((f"cluster {report.cluster}", "bold"), ": ", _sentence(report), f" ({report.seconds:.1f} s)")


def _targets(report: ApplyReport, status: OutcomeStatus) -> list[str]:
    return [outcome.target for outcome in report.outcomes if outcome.status is status]


def _sentence(report: ApplyReport) -> tuple[str, str]:
    """Return the summary and its style."""
    done = count(len(_targets(report, OutcomeStatus.DONE)), "change")
    first = f"{done}, and nothing is left" if report.outcomes else "nothing"
    if report.interrupted:
        return f"interrupted after {done}; run the same command again to continue", "yellow"
    if report.failed:
        return f"failed after {done}; fix the errors above and run the same command again", "red"
    if report.unsettled:
        said = "to change, but not everything is healthy: see swarmnet status and docker service ps"
        return f"{first} {said}", "yellow"
    if report.failures:
        absent = ", ".join(failure.host for failure in report.failures)
        verb = "does" if len(report.failures) == 1 else "do"
        said = f"to change on the hosts that answer; {absent} {verb} not answer, so their state is unknown"
        return f"{first} {said}", "yellow"
    if not report.outcomes:
        return "up to date, nothing changed", "green"
    return f"{done}, and a second plan is empty", "green"
