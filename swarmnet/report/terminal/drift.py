"""Drift as text for people and as JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.differences import Drift
    from swarmnet.model.redaction import Cover

SIGNS = {"missing": "-", "added": "+", "changed": "~"}


def drift_lines(found: Drift, cover: Cover) -> Iterator[str]:
    """Yield one line an object, one a field, and what could not be compared."""
    for difference in found.differences:
        word = "" if difference.kind == "changed" else f": {difference.kind}"
        yield on_one_line(f"{SIGNS[difference.kind]} {difference.object}{word}")
        for change in map(cover.change, difference.changes):
            yield on_one_line(f"    {change.path}: {_shown(change.before)} -> {_shown(change.after)}")
    for text in found.unseen:
        yield on_one_line(f"? not compared: {text}")
    if not found.differences and not found.unseen:
        yield "no drift"


def drift_json(found: Drift, cover: Cover) -> JsonObject:
    """Return drift as JSON."""
    covered = tuple(
        one.model_copy(update={"changes": tuple(map(cover.change, one.changes))}) for one in found.differences
    )
    return {"schema": 1, **found.model_copy(update={"differences": covered}).model_dump(mode="json")}


def _shown(value: JsonValue) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
