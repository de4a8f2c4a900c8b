"""Measure for how long this process had no turn: what a busy host did not answer meanwhile proves nothing."""

from __future__ import annotations

import threading
import time

STEP = 0.2
"""Seconds between two looks at the clock."""
KEPT = 600.0
"""Seconds for which a pause is remembered."""
SHORT = 0.1
"""Seconds that a look may come late without being remembered."""


class Turns:
    """Looks at the clock again and again, in a thread of its own, for as long as the process lives."""

    def __init__(self) -> None:
        self._pauses: list[tuple[float, float]] = []
        """When a pause ended, and its seconds."""

    def begin(self) -> None:
        """Start to look."""
        threading.Thread(target=self._look, daemon=True).start()

    def longest(self, seconds: float) -> dict[str, object]:
        """Return the seconds of the longest pause that ended in the last ``seconds``: ``{"longest": s}``."""
        since = time.monotonic() - seconds
        return {"longest": max((pause for ended, pause in tuple(self._pauses) if ended >= since), default=0.0)}

    def _look(self) -> None:
        before = time.monotonic()
        while True:
            time.sleep(STEP)
            now = time.monotonic()
            late = now - before - STEP
            if late > SHORT:
                self._pauses = [one for one in self._pauses if one[0] >= now - KEPT] + [(now, round(late, 3))]
            before = now
