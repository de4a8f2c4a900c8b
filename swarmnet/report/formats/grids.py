"""Grids of a page: an overview, then each grid, those that are not all fine unfolded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

from swarmnet.model.report import WORST_FIRST, Status
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from swarmnet.report.formats.page import Grid, Mark

MARKS = {
    Status.OK: "\N{CHECK MARK}",
    Status.FAILED: "\N{MULTIPLICATION X}",
    Status.WARNING: "~",
    Status.INCONCLUSIVE: "?",
    Status.SKIPPED: "\N{EN DASH}",
}
"""The sign of each status: it means the same as the colour."""
_FINE = (Status.OK, Status.SKIPPED)
WIDEST = 40
"""Rows and columns of a whole grid; of a larger one only those that are not all fine are shown."""
_UPRIGHT = 8
"""Columns whose names are written upright; more are turned."""
_LISTED = 40
"""Marks that are not fine and written out below a grid."""


def badge(parent: Element, status: Status) -> Element:
    """Add a status: its colour, its sign, its word."""
    element = SubElement(parent, "span", {"class": f"status {status.value}"})
    element.text = f"{MARKS[status]} {status.value}"
    return element


def add_grids(body: Element, grids: Sequence[Grid]) -> None:
    """Add all grids by group, after an overview where there are several."""
    if not grids:
        return
    SubElement(body, "h2").text = "Who reaches whom"
    legend = SubElement(body, "p")
    for status in WORST_FIRST:
        badge(legend, status).tail = " "
    if len(grids) > 1:
        _add_overview(body, grids)
    group = None
    for number, grid in enumerate(grids):
        if grid.group != group:
            group = grid.group
            SubElement(body, "h3").text = _clean(group)
        _add_grid(body, f"grid{number}", grid)


def _add_overview(body: Element, grids: Sequence[Grid]) -> None:
    """Add a table of groups against names; each cell leads to its grid."""
    names = list(dict.fromkeys(grid.name for grid in grids))
    at = {(grid.group, grid.name): (number, grid) for number, grid in enumerate(grids)}
    table = SubElement(SubElement(body, "div", {"class": "wide"}), "table", {"class": "grid"})
    _add_columns(table, names)
    rows = SubElement(table, "tbody")
    for group in dict.fromkeys(grid.group for grid in grids):
        row = SubElement(rows, "tr")
        SubElement(row, "th", scope="row").text = _clean(group)
        for name in names:
            if (group, name) not in at:
                SubElement(row, "td")
                continue
            number, grid = at[group, name]
            worst, counted = _summary(grid)
            link = SubElement(SubElement(row, "td", {"class": worst.value}), "a", href=f"#grid{number}")
            link.set("class", worst.value)
            link.text = f"{MARKS[worst]} {counted}"


def _add_grid(body: Element, anchor: str, grid: Grid) -> None:
    worst, counted = _summary(grid)
    fold = SubElement(body, "details", {} if worst in _FINE else {"open": "open"})
    summary = SubElement(fold, "summary")
    badge(summary, worst).tail = f" {_clean(f'{grid.name}: {counted} pairs fine')}"
    inner = SubElement(fold, "div", {"class": "wide", "id": anchor})
    SubElement(inner, "p", {"class": "dim"}).text = _clean(grid.about)
    rows, columns = _shown(grid)
    if rows and columns:
        _add_table(inner, grid, rows, columns)
    if len(rows) < len(grid.rows) or len(columns) < len(grid.columns):
        left = "Rows and columns that are all fine are left out." if rows else "All pairs are fine."
        SubElement(inner, "p", {"class": "dim"}).text = left
    _add_list(fold, grid)


def _add_table(parent: Element, grid: Grid, rows: Iterable[str], columns: Sequence[str]) -> None:
    has_text = any(mark.text for _row, _column, mark in grid.all_marks())
    kinds = ["grid", *([] if has_text else ["signs"]), *(["many"] if len(columns) > _UPRIGHT else [])]
    table = SubElement(parent, "table", {"class": " ".join(kinds)})
    _add_columns(table, columns)
    body = SubElement(table, "tbody")
    for name in rows:
        row = SubElement(body, "tr")
        SubElement(row, "th", scope="row").text = _clean(name)
        for column in columns:
            _add_mark(row, grid.marks.get(name, {}).get(column))


def _add_columns(table: Element, names: Iterable[str]) -> None:
    head = SubElement(SubElement(table, "thead"), "tr")
    SubElement(head, "td")
    for name in names:
        SubElement(head, "th", scope="col").text = _clean(name)


def _add_mark(row: Element, mark: Mark | None) -> None:
    if mark is None:
        SubElement(row, "td")
        return
    element = SubElement(row, "td", {"class": mark.status.value})
    element.text = f"{MARKS[mark.status]} {_clean(mark.text)}".rstrip()
    if mark.detail:
        element.set("title", _clean(mark.detail))


def _add_list(parent: Element, grid: Grid) -> None:
    """Write out what is not fine, so that no one has to point at it."""
    bad = [one for one in grid.all_marks() if one[2].status not in _FINE and one[2].detail]
    if not bad:
        return
    items = SubElement(parent, "ul")
    for one, two, mark in bad[:_LISTED]:
        badge(SubElement(items, "li"), mark.status).tail = f" {_clean(f'{one} -> {two}: {mark.detail}')}"
    if len(bad) > _LISTED:
        SubElement(items, "li").text = f"{len(bad) - _LISTED} more"


def _summary(grid: Grid) -> tuple[Status, str]:
    """Return the worst status of a grid, and how many of its marks are fine."""
    found = Counter(mark.status for _row, _column, mark in grid.all_marks())
    worst = next((status for status in WORST_FIRST if found[status]), Status.SKIPPED)
    return worst, f"{sum(found[status] for status in _FINE)} of {sum(found.values())}"


def _shown(grid: Grid) -> tuple[list[str], list[str]]:
    """Return the rows and columns to show: all, or of a large grid those that are not all fine."""
    if max(len(grid.rows), len(grid.columns)) <= WIDEST:
        return list(grid.rows), list(grid.columns)
    bad = [(row, column) for row, column, mark in grid.all_marks() if mark.status not in _FINE]
    rows, columns = {row for row, _column in bad}, {column for _row, column in bad}
    return [one for one in grid.rows if one in rows], [one for one in grid.columns if one in columns]


def _clean(text: str) -> str:
    return on_one_line(SENSITIVE.masked(text))
