"""Which clocks are off, and by how much: judged alike before a swarm is there and in one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))


def right(times: Mapping[str, float], *, apart: float) -> str:
    """Return whose clock most others agree with, to so many seconds; of several, the first."""
    agreeing = {host: sum(abs(now - one) <= apart for one in times.values()) for host, now in times.items()}
    return max(times, key=lambda host: agreeing[host])


def skews(times: Mapping[str, float], *, apart: float) -> dict[str, float]:
    """Return the hosts whose clock is off, with the seconds that it is ahead of the right one."""
    if not times:
        return {}
    middle = times[right(times, apart=apart)]
    return {host: now - middle for host, now in times.items() if abs(now - middle) > apart}


def spoken(off: float) -> str:
    """Return by how much a clock is off, in words: ``90 seconds ahead of``."""
    return f"{duration(abs(off))} {'ahead of' if off > 0 else 'behind'}"


def duration(seconds: float) -> str:
    """Return seconds in the largest unit of which there are two."""
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= 2 * size), _UNITS[-1])
    return f"{seconds / size:.0f} {unit}"
