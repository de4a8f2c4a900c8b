"""Remember what a pure function returned for the objects that it was last asked about.

Planning asks the same of one state for each of its services: what depends on all of them is worked out once.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

MOST = 4
"""Calls that are remembered: a plan works with one state, or changes it at each step."""


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function with a memory of its last calls, which are known by their objects, not by what these hold.

    For functions of objects that never change. Threads may share it: two that ask at once may both work it out.
    """
    kept: tuple[tuple[tuple[object, ...], T], ...] = ()

    @wraps(function)
    def asked(*objects: P.args, **none: P.kwargs) -> T:
        nonlocal kept
        for known, found in kept:
            if len(known) == len(objects) and all(one is other for one, other in zip(known, objects, strict=True)):
                return found
        result = function(*objects, **none)
        kept = ((objects, result), *kept[: MOST - 1])
        return result

    return asked
