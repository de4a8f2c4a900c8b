"""How a restore ended, for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from swarmnet.model.plan import Sign
from swarmnet.report.terminal.at_hand import supply_lines
from swarmnet.report.terminal.backups import TIME
from swarmnet.report.terminal.console import line
from swarmnet.report.terminal.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from swarmnet.model.backup import Loss
    from swarmnet.model.plan import Plan, Skip
    from swarmnet.model.restore_report import RestoreReport
    from swarmnet.model.supply import Supply
    from swarmnet.report.terminal.console import Line


def report_lines(report: RestoreReport) -> Iterator[str]:
    """Yield what came back, what did not, and whether it works."""
    taken = f"backup {report.backup[:8]} of {report.taken.astimezone(UTC).strftime(TIME)}"
    yield f"{count(len(report.restored), 'action')} done from {taken} in {report.seconds:.1f} s"
    for text in report.failed:
        yield f"FAILED: {text}"
    for target in report.not_awaited:
        yield f"accepted, not awaited: {target}"
    for target in report.not_begun:
        yield f"not started: {target}"
    yield from left_out(report.skips, report.losses)
    for host in report.missing:
        yield f"did not answer: {host}"
    if report.interrupted or report.failed:
        why = "interrupted" if report.interrupted else "not complete"
        yield (
            f"{why}: `swarmnet restore resume {report.backup[:8]}` continues, "
            f"`swarmnet restore undo {report.backup[:8]}` removes what the restore created"
        )
    yield f"verify: {'not run' if report.verified is None else report.verified.value}"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a planned restore leaves to the operator."""

    losses: Sequence[Loss]
    supplies: Sequence[Supply]
    command: str
    """What carries it out."""
    is_refused: bool = False


def outlook_lines(plan: Plan, outlook: Outlook) -> Iterator[Line]:
    """Yield what comes back, what does not, what the operator brings along, and what to type next."""
    back = Counter(action.object.kind for action in plan.actions if action.sign in (Sign.CREATE, Sign.UPDATE))
    yield ""
    yield line(
        ("comes back", "bold"), ": ", ", ".join(count(number, kind) for kind, number in back.items()) or "nothing"
    )
    left = list(left_out(plan.skips, outlook.losses))
    if left:
        yield line(("does not come back", "bold"))
        yield from (f"  {text}" for text in left)
    if outlook.supplies:
        yield line(("bring along", "bold"))
        yield from supply_lines(outlook.supplies)
    yield line(("next", "bold"))
    if outlook.is_refused:
        yield "  settle what apply would refuse, which is said below, and plan again; then"
    yield f"  {outlook.command}"


def left_out(skips: Sequence[Skip], losses: Sequence[Loss]) -> Iterator[str]:
    """Yield what is not restored although it could be, and what can never come back."""
    for skip in skips:
        yield f"skipped: {skip.what}: {skip.why}"
    for loss in losses:
        if loss.kind != "secret":  # those that are not given are among the skips
            what = loss.kind if loss.what == "all" else f"{loss.kind} {loss.what}"
            yield f"never comes back: {what}: {loss.instead}"
