"""What a page for people shows of a result, next to its checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.report import Status


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a row meets a column."""

    status: Status
    text: str = ""
    """What is written there; empty shows the sign of the status only."""
    detail: str = ""
    """What else is known."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows against columns."""

    group: str
    """Grids of one group belong together: those of one network."""
    name: str
    about: str
    """How to read it, or what its values come to."""
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    marks: Mapping[str, Mapping[str, Mark]]
    """By row, then by column; nothing where there is nothing to say."""

    def all_marks(self) -> list[tuple[str, str, Mark]]:
        """Return every mark with its row and its column."""
        return [(one, two, mark) for one, row in self.marks.items() for two, mark in row.items()]


@dataclass(frozen=True, slots=True)
class Stop:
    """A host on a network."""

    status: Status
    text: str = ""
    """What is written there, such as how many tasks run; at most two characters."""
    detail: str = ""
    """What else is known."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A network: one line of a drawing, with a stop at each host that is on it."""

    name: str
    status: Status
    stops: Mapping[str, Stop]
    """By host."""
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """Which hosts and services meet on which networks."""

    hosts: tuple[str, ...]
    wires: tuple[Wire, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Facts below their heads."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The result for people who read it in a browser."""

    title: str
    answer: str
    """One sentence: how it ended."""
    status: Status
    facts: tuple[tuple[str, str], ...] = ()
    """What the result is about, each with its name."""
    notes: tuple[str, ...] = ()
    drawing: Drawing | None = None
    tables: tuple[Table, ...] = ()
    grids: tuple[Grid, ...] = ()
    timings: tuple[tuple[str, float], ...] = ()
    """How many seconds each part took."""
