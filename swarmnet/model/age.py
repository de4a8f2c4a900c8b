"""How old something is, in words."""

from __future__ import annotations

_UNITS = ((86400.0, "days"), (3600.0, "hours"))


def in_words(seconds: float) -> str:
    """Return an age in the largest unit of which there are two or more."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} old"
    minutes = round(max(0.0, seconds) / 60)
    return "1 minute old" if minutes == 1 else f"{minutes} minutes old"
