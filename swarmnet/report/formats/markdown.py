"""A result as Markdown, for a ticket or a pull request: the answer, what was found, and a table of the rest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from swarmnet.model.report import WORST_FIRST, Status
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from swarmnet.report.formats.report import Check, Report

_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>#|~"})


def render(report: Report) -> str:
    """Return a heading, the answer, the counts, and the table: what is not fine first."""
    found = Counter(check.status for check in report.checks)
    counted = ", ".join(f"{found[status]} {status.value}" for status in Status if found[status]) or "nothing to report"
    page = None if report.page is None else report.page()
    lines = [f"## swarmnet {report.command}", ""]
    lines += [] if page is None else [f"**{cell(page.answer)}**", ""]
    lines += [counted, ""]
    if report.checks:
        lines += ["| status | check | detail | what to do |", "| --- | --- | --- | --- |"]
        lines += [f"| {' | '.join(_row(check))} |" for check in sorted(report.checks, key=_badness)]
    lines += [] if page is None else ["", *(f"- {cell(note)}" for note in page.notes)]
    return "\n".join(lines).rstrip() + "\n"


def _badness(check: Check) -> int:
    return WORST_FIRST.index(check.status)


def _row(check: Check) -> tuple[str, ...]:
    sure = f" ({check.certainty})" if check.certainty else ""
    advice = "; ".join(filter(None, (check.advice, *check.commands)))
    return (f"{check.status.value}{sure}", *map(cell, (_title(check.group, check.name), check.detail, advice)))


def _title(group: str, name: str) -> str:
    return f"{group}: {name}"


def cell(text: str) -> str:
    """Return text without markup that stays in its cell."""
    return on_one_line(SENSITIVE.masked(text)).translate(_SPECIAL)
