"""Wait for a condition on this machine, as :func:`swarmnet.model.clock.wait_until` does on hosts."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, LabError
from swarmnet.model.clock import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_PAUSE = 0.01


class _MachineClock:
    """This machine's clock; its waits have their own limits."""

    patience: float | None = None
    stopping = False

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def until(condition: Callable[[], bool], *, limit: float, failing: Callable[[], str]) -> None:
    """Return as soon as ``condition`` holds; look at it often at first, ten times a second later on.

    Raises:
        LabError: It did not hold within ``limit`` seconds; the message is what ``failing`` then returns.
    """

    def look() -> tuple[bool | None, str]:
        return (True if condition() else None), ""

    try:
        wait_until(_MachineClock(), look, what="the lab", timeout=limit, every=_FIRST_PAUSE)
    except ConvergenceError:
        raise LabError(f"{failing()} (waited {limit:g} s)") from None
