"""Show who should reach whom, next to who did: rows reach, columns are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from swarmnet.model.report import WORST_FIRST, Status
from swarmnet.model.verification import Wanted
from swarmnet.report.terminal.text import count, on_one_line
from swarmnet.report.terminal.verdicts import GLYPHS, STYLES

if TYPE_CHECKING:
    from rich.console import Console

    from swarmnet.model.verification import ExpectedCell, ExpectedMatrix

MOST = 12
"""Columns of a matrix; of a larger one, the pairs that are not as expected are listed, and the others counted."""
MOST_PAIRS = 12
"""Pairs that are listed; of more, the number."""
SEEN = {"open": "open", "closed": "no"}


def show_expected(console: Console, matrix: ExpectedMatrix, *, verbose: bool = False) -> None:
    """Print the matrix where it fits, else the pairs that are not as expected: the first, or with ``verbose`` all."""
    asked = f"asked from {count(matrix.containers, 'container')} on {count(matrix.hosts, 'host')}"
    console.print(Text(f"who reaches whom ({asked}, {count(matrix.questions, 'question')})", "bold"), soft_wrap=True)
    sources = [one for one in matrix.parties if one in matrix.cells]
    targets = [one for one in matrix.parties if any(one in row for row in matrix.cells.values())]
    texts = {(one, two): _words(cell) for one, row in matrix.cells.items() for two, cell in row.items()}
    widths = {two: max(len(on_one_line(two)), *(len(texts.get((one, two), "")) for one in sources)) for two in targets}
    first = max(len(on_one_line(one)) for one in sources)
    if len(targets) > MOST or first + 2 + sum(width + 2 for width in widths.values()) > console.width:
        _list(console, matrix, verbose=verbose)
        return
    head = "".join(f"  {on_one_line(two).ljust(widths[two])}" for two in targets)
    console.print(Text(f"  {' ' * first}{head}".rstrip(), "bold"), soft_wrap=True)
    for one in sources:
        line = Text(f"  {on_one_line(one).ljust(first)}", "bold")
        for two in targets:
            cell = matrix.cells[one].get(two)
            text = texts.get((one, two), "").ljust(widths[two])
            line.append("  ").append(text, STYLES[cell.status] if cell is not None else "")
        line.rstrip()
        console.print(line, soft_wrap=True)


def words(cell: ExpectedCell) -> str:
    """Return what was seen with what was wanted, where these differ; nothing where nothing is known."""
    seen = SEEN.get(cell.seen, cell.seen)
    if cell.status in (Status.OK, Status.SKIPPED):
        return seen
    wanted = {Wanted.ALLOW: "open", Wanted.DENY: "no", Wanted.BOTH: "some"}[cell.wanted]
    return f"{seen}, not {wanted}" if cell.status is Status.FAILED else ""


def _words(cell: ExpectedCell) -> str:
    return f"{GLYPHS[cell.status]} {words(cell) or '?'}"


def _list(console: Console, matrix: ExpectedMatrix, *, verbose: bool) -> None:
    pairs = [(one, two, cell) for one, row in matrix.cells.items() for two, cell in row.items()]
    bad = [one for one in pairs if one[2].status not in (Status.OK, Status.SKIPPED)]
    bad.sort(key=lambda one: WORST_FIRST.index(one[2].status))
    most = len(bad) if verbose else MOST_PAIRS
    for one, two, cell in bad[:most]:
        text = f"  {on_one_line(one)} -> {on_one_line(two)}: {_words(cell)}"
        console.print(Text(text, STYLES[cell.status]), soft_wrap=True)
    if bad[most:]:
        console.print(Text(f"  {len(bad) - most} more are not as expected: -v shows them", "dim"), soft_wrap=True)
    said = f"  {len(pairs) - len(bad)} of {count(len(pairs), 'pair')} as expected"
    console.print(Text(said, "dim"), soft_wrap=True)
