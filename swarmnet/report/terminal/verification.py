"""Show a verification: the answer, its causes, and a matrix for each network and scenario that is not fine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from swarmnet.model.report import Status
from swarmnet.report.terminal.expected import show_expected
from swarmnet.report.terminal.text import on_one_line
from swarmnet.report.terminal.verdicts import GLYPHS, STYLES, show_answer, show_causes, show_rest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from swarmnet.model.verification import Cell, Matrix, Verification

WIDEST = 40
"""Hosts of a full matrix; of a larger one only the rows that are not all fine are shown."""


def show(console: Console, result: Verification, *, verbose: bool = False) -> None:
    """Print the answer, the causes, the matrices that are not all fine, and how much is; ``verbose`` prints all.

    Glyphs carry the same meaning as colours.
    """
    show_answer(console, result)
    show_causes(console, result)
    shown = [matrix for matrix in result.matrices if verbose or set(matrix.counts()) - {Status.OK, Status.SKIPPED}]
    for network in dict.fromkeys(matrix.network for matrix in shown):
        console.print(Text(f"network {on_one_line(network)}", "bold"))
        for matrix in shown:
            if matrix.network == network:
                _show_matrix(console, matrix)
    if shown:
        legend = "  ".join(f"{glyph} {status.value}" for status, glyph in GLYPHS.items())
        console.print(Text(f"rows send, columns receive: {legend}", "dim"), soft_wrap=True)
    if result.expected is not None and result.expected.cells:
        show_expected(console, result.expected)
    show_rest(console, result, verbose=verbose)


def rows(matrix: Matrix) -> tuple[list[str], list[str]]:
    """Return the rows and columns to show: all, or in a wide matrix those with a pair that is not fine."""
    if len(matrix.hosts) <= WIDEST:
        return list(matrix.hosts), list(matrix.hosts)
    bad = [(s, t) for s, row in matrix.cells.items() for t, cell in row.items() if cell.status is not Status.OK]
    sources, targets = {source for source, _ in bad}, {target for _, target in bad}
    worst = [host for host in matrix.hosts if host in sources][:WIDEST]
    return worst, [host for host in matrix.hosts if host in targets][:WIDEST]


def _show_matrix(console: Console, matrix: Matrix) -> None:
    sources, targets = rows(matrix)
    pairs = [cell for row in matrix.cells.values() for cell in row.values()]
    fine = sum(cell.status is Status.OK for cell in pairs)
    if sources:
        for line in _lines(matrix, sources, targets, console.width):
            console.print(line, soft_wrap=True)
    hidden = "" if len(matrix.hosts) <= WIDEST else ", only hosts with others shown"
    console.print(Text(f"  {matrix.scenario}: {fine} of {len(pairs)} ordered pairs ok{hidden}", "dim"))


_NAMED = 12
"""Columns that carry names, where the screen is wide enough for them; else each carries its row's number."""


def _lines(matrix: Matrix, sources: list[str], targets: list[str], width: int) -> Iterable[Text]:
    """Yield the matrix line by line; names are never broken."""
    names, labels = [on_one_line(target) for target in targets], [on_one_line(source) for source in sources]
    first = max(map(len, (matrix.scenario, *labels)))
    named = len(names) <= _NAMED and 2 + first + sum(len(name) + 2 for name in names) <= width
    if not named:
        numbers = {target: str(number) for number, target in enumerate(targets, 1)}
        names = [numbers[target] for target in targets]
        labels = [f"{numbers.get(source, '-')} {label}" for source, label in zip(sources, labels, strict=True)]
        first = max(map(len, (matrix.scenario, *labels)))
    head = Text(f"  {matrix.scenario.ljust(first)}", "bold")
    yield head.append("".join(f"  {name}" for name in names))
    for source, label in zip(sources, labels, strict=True):
        line = Text(f"  {label.ljust(first)}", "bold")
        for target, name in zip(targets, names, strict=True):
            line.append("  ").append(_glyph(matrix.cells.get(source, {}).get(target)))
            line.append(" " * (len(name) - 1))
        yield line
    if not named and (only := [target for target in targets if target not in sources]):
        told = ", ".join(
            f"{number} {on_one_line(target)}" for number, target in enumerate(targets, 1) if target in only
        )
        yield Text(f"  columns: {told}", "dim")


def _glyph(cell: Cell | None) -> Text:
    return Text(" ") if cell is None else Text(GLYPHS[cell.status], STYLES[cell.status])
