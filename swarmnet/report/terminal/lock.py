"""Locks of a cluster for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.lock import Holder, Operator


def locks_json(holders: Iterable[Holder], operator: Operator) -> list[JsonValue]:
    """Return locks as JSON; the token by which a run knows its own is left out."""
    return [_json(holder, operator) for holder in holders]


def lock_lines(holders: Iterable[Holder], operator: Operator) -> list[str]:
    """Return a line for each lock: who holds it, where, since when, and what becomes of it."""
    return [on_one_line(holder.outlook(operator)) for holder in holders]


def _json(holder: Holder, operator: Operator) -> JsonObject:
    claim = None if holder.claim is None else holder.claim.model_dump(mode="json", exclude={"token"})
    age = None if holder.age is None else round(holder.age, 1)
    return {"place": holder.place, "age": age, "pulse": holder.pulse(operator).value, "holder": claim}
