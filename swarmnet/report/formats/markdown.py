"""A result as a Markdown table, one row a check."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from swarmnet.report.formats.report import Report

_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>#|~"})


def render(report: Report) -> str:
    """Return a heading, the counts, and the table."""
    found = Counter(check.status for check in report.checks)
    counted = ", ".join(f"{found[status]} {status.value}" for status in Status if found[status]) or "nothing to report"
    lines = [f"## swarmnet {report.command}", "", counted, ""]
    if report.checks:
        lines += ["| status | check | detail | what to do |", "| --- | --- | --- | --- |"]
        lines += [
            "| "
            + " | ".join(
                (check.status.value, *map(cell, (_title(check.group, check.name), check.detail, check.advice)))
            )
            + " |"
            for check in report.checks
        ]
    return "\n".join(lines).rstrip() + "\n"


def _title(group: str, name: str) -> str:
    return f"{group}: {name}"


def cell(text: str) -> str:
    """Return text without markup that stays in its cell."""
    return on_one_line(SENSITIVE.masked(text)).translate(_SPECIAL)
