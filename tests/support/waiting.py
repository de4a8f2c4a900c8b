"""The one wait of the tests: for a condition, with a ceiling that no machine reaches however busy it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from swarmnet.edge.operator.clock import SystemClock
from swarmnet.model.clock import look_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

T = TypeVar("T")

LIMIT = 180.0
"""Seconds: the election of a leader alone may take 71."""


def soon(condition: Callable[[], bool], *, limit: float = LIMIT, every: float = 0.3) -> bool:
    """Return whether a condition is met within ``limit`` seconds."""
    return seen(condition, bool, limit=limit, every=every)


def seen(look: Callable[[], T], enough: Callable[[T], bool], *, limit: float = LIMIT, every: float = 0.3) -> T:
    """Return the first look that is enough, or the last one after the limit."""
    return look_until(SystemClock(), look, enough, limit=limit, every=every)


def await_from(process: subprocess.Popen[Any], condition: Callable[[], bool], *, every: float = 0.01) -> None:
    """Return when a program has done what the condition looks for; fail where it ends before, or takes too long."""
    seen(lambda: process.poll() is not None or condition(), bool, every=every)
    assert condition(), f"{process.args!r} ended with {process.poll()}, or took too long"
