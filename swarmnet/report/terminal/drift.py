"""Drift for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from swarmnet.report.terminal.console import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonValue
    from swarmnet.model.differences import Drift
    from swarmnet.model.redaction import Cover
    from swarmnet.report.terminal.console import Line

SIGNS = {"missing": ("-", "red"), "added": ("+", "green"), "changed": ("~", "yellow")}


def drift_lines(found: Drift, cover: Cover) -> Iterator[Line]:
    """Yield one line for each object and each field that differs, and for what could not be compared."""
    for difference in found.differences:
        word = "" if difference.kind == "changed" else f": {difference.kind}"
        sign, style = SIGNS[difference.kind]
        yield line((f"{sign} {difference.object}{word}", style))
        for change in map(cover.change, difference.changes):
            yield f"    {change.path}: {_shown(change.before)} -> {_shown(change.after)}"
    for text in found.unseen:
        yield line((f"? not compared: {text}", "yellow"))
    if not found.differences and not found.unseen:
        yield "no drift"


def two_clusters(clusters: tuple[str, str]) -> str:
    """Return the remark that two different clusters are compared, nothing where it is one."""
    before, after = clusters
    return "" if before == after else f"two different clusters are compared: {before} (before) and {after} (after)"


def _shown(value: JsonValue) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
