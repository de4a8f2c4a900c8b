"""How an apply ended, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import OutcomeStatus
from swarmnet.report.terminal.plan import failure_lines, failures_json
from swarmnet.report.terminal.text import PLAIN, Paint, count, on_one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import ApplyReport


def apply_json(report: ApplyReport) -> JsonObject:
    """Return the report as JSON."""
    return {
        "schema": 1,
        "cluster": report.cluster,
        "actions": [outcome.model_dump(mode="json") for outcome in report.outcomes],
        "pending": list(report.pending),
        "unsettled": list(report.unsettled),
        "failures": failures_json(report.failures),
        "interrupted": report.interrupted,
        "proved": not (report.failed or report.interrupted or report.unsettled or report.failures),
        "seconds": round(report.seconds, 3),
    }


def apply_text(report: ApplyReport, paint: Paint = PLAIN) -> str:
    """Return what failed, what was left out, what is pending, and the sentence that sums it up."""
    return "\n".join(_lines(report, paint))


def _lines(report: ApplyReport, paint: Paint) -> Iterator[str]:
    for outcome in report.outcomes:
        if outcome.status is OutcomeStatus.FAILED:
            yield paint.red(f"failed: {on_one_line(outcome.target)}: {shortened(on_one_line(outcome.error or ''))}")
            if outcome.hint:
                yield f"  hint: {shortened(on_one_line(outcome.hint))}"
    yield from (
        paint.yellow(f"accepted, not awaited: {on_one_line(target)}")
        for target in _targets(report, OutcomeStatus.STOPPED)
    )
    yield from (paint.yellow(f"not begun: {on_one_line(target)}") for target in _targets(report, OutcomeStatus.SKIPPED))
    yield from (paint.red(f"still pending: {on_one_line(text)}") for text in report.pending)
    yield from (paint.yellow(f"not well: {on_one_line(text)}") for text in report.unsettled)
    yield from failure_lines(report.failures, paint)
    yield f"{paint.bold(f'cluster {on_one_line(report.cluster)}')}: {_sentence(report, paint)} ({report.seconds:.1f} s)"


def _targets(report: ApplyReport, status: OutcomeStatus) -> list[str]:
    return [outcome.target for outcome in report.outcomes if outcome.status is status]


def _sentence(report: ApplyReport, paint: Paint) -> str:
    done = count(len(_targets(report, OutcomeStatus.DONE)), "change")
    if report.interrupted:
        return paint.yellow(f"interrupted after {done}; run the same command again to go on")
    if report.failed:
        return paint.red(f"failed after {done}; run the same command again when the causes are gone")
    if report.unsettled:
        first = f"{done}, and nothing is left" if report.outcomes else "nothing"
        return paint.yellow(f"{first} to change, but not all is well: swarmnet status and docker service ps tell more")
    if report.failures:
        absent = ", ".join(on_one_line(failure.host) for failure in report.failures)
        verb = "does" if len(report.failures) == 1 else "do"
        first = f"{done}, and nothing is left" if report.outcomes else "nothing"
        return paint.yellow(f"{first} to change on the hosts that answer; {absent} {verb} not: their part is not known")
    if not report.outcomes:
        return paint.green("up to date, nothing changed")
    return paint.green(f"{done}, and a second plan is empty")
