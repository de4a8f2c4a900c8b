"""A result as a drawing in Mermaid's text (mermaid.js.org, flowcharts)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.sensitive import SENSITIVE
from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from swarmnet.report.formats.report import Report

_SHAPES = {"network": ("([", "])"), "host": ("[[", "]]")}
"""Signs around the label of a kind; all others are boxes."""


def render(report: Report) -> str:
    """Return a flowchart. Names of others are only ever labels, in quotes."""
    graph = report.drawn()
    lines = ["flowchart LR"]
    for name, label, kind in graph.nodes:
        opening, closing = _SHAPES.get(kind, ("[", "]"))
        lines.append(f"  {name}{opening}{_quoted(label)}{closing}")
    for one, other, label in graph.edges:
        lines.append(f"  {one} ---|{_quoted(label)}| {other}" if label else f"  {one} --- {other}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return text in quotes, without anything that Mermaid or HTML reads as more than text."""
    kept = on_one_line(SENSITIVE.masked(text))
    return '"' + "".join(char if char.isalnum() or char in " ./:_-" else f"#{ord(char)};" for char in kept) + '"'
