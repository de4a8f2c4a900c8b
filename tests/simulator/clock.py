"""Time that passes only when someone sleeps, and ids that are the same in every run."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 1, 1, tzinfo=UTC)


class SimulatedClock:
    """A ``Clock`` whose ``sleep`` returns at once, moves the time on and lets the world tick."""

    stopping = False

    def __init__(self) -> None:
        self.patience: float | None = None
        self._seconds = 0.0
        self._lock = RLock()
        self.on_tick: Callable[[], None] = _nothing

    def now(self) -> datetime:
        return START + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds
        self.on_tick()


class Identities:
    """Ids in the engine's two shapes: 64 hex digits (local) and 25 base-36 digits (swarm)."""

    def __init__(self) -> None:
        self._count = 0

    def local(self) -> str:
        self._count += 1
        return hashlib.sha256(str(self._count).encode()).hexdigest()

    def swarm(self) -> str:
        number = int(self.local(), 16)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"
        text = ""
        while len(text) < 25:
            number, digit = divmod(number, 36)
            text += digits[digit]
        return text


def _nothing() -> None:
    """Do nothing until a world listens."""
