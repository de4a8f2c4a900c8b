"""A result as a drawing in the language of Graphviz (graphviz.org, the DOT language)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.sensitive import SENSITIVE
from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from swarmnet.report.formats.report import Report

_SHAPES = {"network": "ellipse", "host": "box3d"}
"""Shape of a kind; all others are boxes."""


def render(report: Report) -> str:
    """Return an undirected graph. Names of others are only ever labels, in quotes."""
    graph = report.drawn()
    lines = ["graph swarmnet {", "  rankdir=LR;"]
    for name, label, kind in graph.nodes:
        lines.append(f"  {name} [label={_quoted(label)}, shape={_SHAPES.get(kind, 'box')}];")
    for one, other, label in graph.edges:
        lines.append(f"  {one} -- {other} [label={_quoted(label)}];" if label else f"  {one} -- {other};")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    kept = on_one_line(SENSITIVE.masked(text))
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '"'
