"""Text for terminals: safe whatever it holds, coloured only where somebody looks at it."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.printable import on_one_line, printable
from swarmnet.model.sensitive import SENSITIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

__all__ = ["PLAIN", "Paint", "count", "on_one_line", "printable", "shortened", "table", "trace_lines"]


def trace_lines(error: BaseException) -> Iterator[str]:
    """Yield the lines of a traceback; what an error says stays on its line, whoever wrote it."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from trace_lines(cause)
        yield "which led to:"
    yield from "".join(traceback.format_tb(error.__traceback__)).splitlines()
    yield shortened(on_one_line(f"{type(error).__name__}: {error}"))


LONGEST_LINE = 4000
"""Characters of one line of somebody else's text: engines may say megabytes."""


def shortened(line: str) -> str:
    """Return a line that is not longer than a screen can hold, with how much is left out."""
    line = SENSITIVE.masked(line)  # before it is cut: a part of a secret is none that could be found any more
    more = len(line) - LONGEST_LINE
    return line if more <= 0 else f"{line[:LONGEST_LINE]}... ({more} more characters)"


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours, or none."""

    enabled: bool

    @classmethod
    def for_stream(cls, stream: TextIO) -> Paint:
        """Return colours for a terminal; none for files, ``TERM=dumb``, or where ``NO_COLOR`` is set (no-color.org)."""
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return cls(enabled=stream.isatty() and not plain)

    def green(self, text: str) -> str:
        """Return what is new or right."""
        return self._with("32", text)

    def yellow(self, text: str) -> str:
        """Return what changes or is doubtful."""
        return self._with("33", text)

    def red(self, text: str) -> str:
        """Return what goes away or is wrong."""
        return self._with("31", text)

    def cyan(self, text: str) -> str:
        """Return what runs."""
        return self._with("36", text)

    def bold(self, text: str) -> str:
        """Return what counts."""
        return self._with("1", text)

    def dim(self, text: str) -> str:
        """Return what is said by the way."""
        return self._with("2", text)

    def _with(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled else text


PLAIN = Paint(enabled=False)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], paint: Paint = PLAIN) -> str:
    """Return rows below their heads, each column as wide as its widest cell; cells are made printable here."""
    cells = [list(head), *([on_one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([paint.dim(lines[0]), *lines[1:]])


def count(number: int, noun: str) -> str:
    """Return ``1 host``, ``2 hosts``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
