"""Text for terminals: safe whatever it holds, coloured only where somebody looks at it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO


def printable(text: str) -> str:
    """Return text from hosts and files with control characters shown, so that it cannot steer a terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else f"\\x{ord(char):02x}" for char in text)


def on_one_line(text: str) -> str:
    """Return printable text without line breaks, so that a name cannot pretend to be another line of a report."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


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
