"""Text that is safe on a terminal, whatever it holds. It needs no rich, so that it costs a command's help nothing."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from swarmnet.model.plural import count
from swarmnet.model.printable import on_one_line, printable
from swarmnet.model.sensitive import SENSITIVE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["count", "listed", "on_one_line", "printable", "shortened", "trace_lines"]


def trace_lines(error: BaseException) -> Iterator[str]:
    """Yield the lines of a traceback. Whatever an error says stays on its line."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from trace_lines(cause)
        yield "which led to:"
    yield from "".join(traceback.format_tb(error.__traceback__)).splitlines()
    yield shortened(on_one_line(f"{type(error).__name__}: {error}"))


LONGEST_LINE = 4000
"""Characters of one line of foreign text: engines may send megabytes."""


def shortened(line: str) -> str:
    """Return a line that a screen can hold, with the number of characters that were left out."""
    line = SENSITIVE.masked(line)  # before it is cut: a part of a secret cannot be found any more
    more = len(line) - LONGEST_LINE
    return line if more <= 0 else f"{line[:LONGEST_LINE]}... ({more} more characters)"


def listed(names: Sequence[str], most: int) -> str:
    """Return ``a, b and c``; of more than ``most`` names, the first and the number of the others."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
