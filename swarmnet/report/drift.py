"""Drift as text for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonValue
    from swarmnet.model.drift import Drift

SIGNS = {"missing": "-", "added": "+", "changed": "~"}


def drift_lines(found: Drift) -> Iterator[str]:
    """Yield one line an object, one a field, and what could not be compared."""
    for difference in found.differences:
        yield f"{SIGNS[difference.kind]} {difference.object}" + (
            "" if difference.kind == "changed" else f": {difference.kind}"
        )
        for change in difference.changes:
            yield f"    {change.path}: {_shown(change.before)} -> {_shown(change.after)}"
    for text in found.unseen:
        yield f"? not compared: {text}"
    if not found.differences and not found.unseen:
        yield "no drift"


def _shown(value: JsonValue) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
