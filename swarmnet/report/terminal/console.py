"""The one way to print reports: lines and tables of rich, on a console that fits the stream.

A report is an iterator of lines. Use::

    show(console_for(sys.stdout), plan_lines(plan, state))

Text of hosts and files never becomes markup: lines are built with :func:`line`, which makes each part printable. Colour
appears on terminals only, never where ``NO_COLOR`` is set (no-color.org).
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from swarmnet.model.sensitive import SENSITIVE
from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TextIO, TypeAlias

    Part = str | tuple[str, str] | Text
    """Plain text; text and its style; or a finished piece."""
    Line: TypeAlias = "str | Text | Rows"
    """What a report yields."""

WIDE = 10_000
"""Columns of a file or a pipe: nothing is folded there."""
_GAP = 2
"""Columns between two cells."""


def console_for(stream: TextIO) -> Console:
    """Return a console that writes to a stream."""
    plain = bool(os.environ.get("NO_COLOR"))
    return Console(
        file=stream,
        color_system=None if plain else "auto",
        width=None if stream.isatty() else WIDE,
        highlight=False,
        markup=False,
        emoji=False,
    )


def line(*parts: Part) -> Text:
    """Return one line from its parts; control characters and line breaks are shown."""
    made = Text()
    for part in parts:
        if isinstance(part, Text):
            made.append_text(part)
        else:
            text, style = (part, "") if isinstance(part, str) else part
            made.append(on_one_line(text), style or None)
    return made


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows below their heads. On a narrow terminal, cells fold; nothing is cut."""

    head: tuple[str, ...]
    cells: tuple[tuple[Text, ...], ...]

    def __rich__(self) -> Table:
        """Return what folds the cells; it takes a millisecond a row."""
        made = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
        for name in self.head:
            made.add_column(name, overflow="fold")
        for row in self.cells:
            made.add_row(*row)
        return made

    def lines(self, width: int) -> Text | None:
        """Return the same lines where nothing needs to fold in so many columns, else None."""
        columns = [
            max(cell_len(name), *(cell.cell_len for cell in column))
            for name, column in zip(self.head, zip(*self.cells, strict=True), strict=False)
        ]
        if not columns or sum(columns) + _GAP * len(columns) > width:
            return None
        rows = (tuple(Text(name, "dim") for name in self.head), *self.cells)
        return Text("\n").join(_padded(row, columns) for row in rows)


def _padded(row: Sequence[Text], columns: Sequence[int]) -> Text:
    made = Text()
    for cell, width in zip(row, columns, strict=True):
        made.append_text(cell).append(" " * (width + _GAP - cell.cell_len))
    made.rstrip()
    return made


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Rows:
    """Return rows below their heads."""
    # Masked here, too: a value that is folded between two lines would not be found later.
    return Rows(tuple(head), tuple(tuple(line(SENSITIVE.masked(cell)) for cell in row) for row in rows))


def show(console: Console, lines: Iterable[Line]) -> None:
    """Print a report. Lines are never broken, so that they can be copied and searched."""
    fitted = ((one.lines(console.width) or one) if isinstance(one, Rows) else one for one in lines)
    for is_table, some in groupby(fitted, lambda one: isinstance(one, Rows)):
        if is_table:
            for one in some:
                console.print(one)
        else:  # in one go: rich looks at its console again for each call
            texts = [one if isinstance(one, Text) else line(one) for one in some if not isinstance(one, Rows)]
            console.print(Text("\n").join(texts), soft_wrap=True)


def printed(lines: Iterable[Line]) -> Callable[[Console], None]:
    """Return what prints these lines, on as many consoles as there are."""
    kept = tuple(lines)
    return lambda console: show(console, kept)


def rendered(lines: Iterable[Line]) -> str:
    """Return a report as plain text, as a file holds it."""
    stream = io.StringIO()
    show(Console(file=stream, color_system=None, width=WIDE, highlight=False, markup=False, emoji=False), lines)
    return "\n".join(one.rstrip() for one in stream.getvalue().splitlines())
