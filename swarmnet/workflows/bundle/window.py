"""The time window of a bundle, for logs of programs that cannot be asked for one. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_TIME = re.compile(r'^(?:time="?)?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,]\d{1,9})?(Z|[+-]\d\d:?\d\d)?')
"""How the engine's log, and the kernel's with ``--time-format iso``, begin a line."""


def within(text: str, begin: float) -> str:
    """Return the lines from ``begin`` on (seconds since the epoch).

    A line without a time belongs to the one before; those before the first time stay.
    """
    found, stays = [], True
    for line in text.splitlines(keepends=True):
        written = _written(line)
        stays = stays if written is None else written >= begin
        if stays:
            found.append(line)
    return "".join(found)


def _written(line: str) -> float | None:
    match = _TIME.match(line)
    if match is None:
        return None
    zone = (match[3] or "Z").replace("Z", "+00:00")
    try:
        when = datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}")
    except ValueError:
        return None
    return when.astimezone(UTC).timestamp()
