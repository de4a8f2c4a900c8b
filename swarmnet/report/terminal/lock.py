"""Locks of a cluster for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.lock import Holder, Operator


def lock_lines(holders: Iterable[Holder], operator: Operator) -> list[str]:
    """Return a line for each lock: who holds it, where, since when, and what will happen to it."""
    return [on_one_line(holder.outlook(operator)) for holder in holders]
