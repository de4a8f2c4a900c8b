"""Wait for a condition, with a limit, and say at its end what was seen last."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from swarmnet.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.1


def until(condition: Callable[[], bool], *, limit: float, failing: Callable[[], str]) -> None:
    """Return as soon as ``condition`` holds; look at it often at first, ten times a second later on.

    Raises:
        LabError: It did not hold within ``limit`` seconds; the message is what ``failing`` then says.
    """
    deadline = time.monotonic() + limit
    pause = _FIRST_PAUSE
    while not condition():
        if time.monotonic() >= deadline:
            raise LabError(f"{failing()} (waited {limit:g} s)")
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
