"""Show a verification: one matrix a network, the verdicts under it, the worst first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from swarmnet.model.report import Status
from swarmnet.report.text import count, on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from swarmnet.model.base import JsonValue
    from swarmnet.model.report import Verdict
    from swarmnet.model.verification import Cell, Matrix, Verification

GLYPHS = {Status.OK: ".", Status.FAILED: "x", Status.WARNING: "~", Status.INCONCLUSIVE: "?", Status.SKIPPED: "-"}
STYLES = {
    Status.OK: "green",
    Status.FAILED: "bold red",
    Status.WARNING: "yellow",
    Status.INCONCLUSIVE: "magenta",
    Status.SKIPPED: "dim",
}
SUMMED = (Status.FAILED, Status.INCONCLUSIVE, Status.WARNING, Status.OK, Status.SKIPPED)
"""The order of the last line."""
WIDEST = 40
"""Hosts of a full matrix; of a larger one only the rows that are not all fine are shown."""


def as_json(result: Verification) -> dict[str, JsonValue]:
    """Return the result as one object; its keys are stable within a schema number."""
    body: dict[str, JsonValue] = result.model_dump(mode="json")
    return {"schema": 1, "status": result.status.value, **body}


def show(console: Console, result: Verification) -> None:
    """Print the matrices and the verdicts; glyphs tell what colours tell, too."""
    for network in result.networks:
        matrices = [matrix for matrix in result.matrices if matrix.network == network]
        if matrices:
            console.print(Text(f"network {on_one_line(network)}", "bold"))
            for matrix in matrices:
                _show_matrix(console, matrix)
    if result.matrices:
        legend = "  ".join(f"{glyph} {status.value}" for status, glyph in GLYPHS.items())
        console.print(Text(f"rows send, columns receive: {legend}\n", "dim"), soft_wrap=True)
    for at, verdict in enumerate(result.verdicts):
        if not verdict.because_of:
            _show_verdict(console, verdict)
            _show_consequences(console, result, at)
    for note in result.notes:
        console.print(Text(on_one_line(note), "yellow"))
    console.print(Text(summary(result), STYLES[result.status]), soft_wrap=True)


def summary(result: Verification) -> str:
    """Return the last line: how many verdicts of each kind, causes before consequences, and the time that it took."""
    causes = _counts(verdict for verdict in result.verdicts if not verdict.because_of)
    following = [verdict for verdict in result.verdicts if verdict.because_of]
    counts = causes or "nothing was checked"
    if following:
        counts += f"; {count(len(following), 'consequence')} ({_counts(following)})"
    seconds = sum(phase.seconds for phase in result.phases)
    return f"{result.status.value}: {counts} ({seconds:.1f} s)"


def _counts(verdicts: Iterable[Verdict]) -> str:
    found = Counter(verdict.status for verdict in verdicts)
    return ", ".join(f"{found[status]} {status.value}" for status in SUMMED if found[status])


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
        table = Table(box=None, pad_edge=False, padding=(0, 1), show_edge=False)
        table.add_column(f"  {matrix.scenario}", style="bold")
        for number, target in enumerate(targets, 1):
            table.add_column(_heading(target, number, len(targets)), justify="center")
        for number, source in enumerate(sources, 1):
            label = escape(on_one_line(source))
            label = f"{number} {label}" if len(targets) > _NAMED else label
            table.add_row(f"  {label}", *(_glyph(matrix.cells.get(source, {}).get(target)) for target in targets))
        console.print(table)
    hidden = "" if len(matrix.hosts) <= WIDEST else ", only hosts with others shown"
    console.print(Text(f"  {matrix.scenario}: {fine} of {len(pairs)} ordered pairs ok{hidden}", "dim"))


_NAMED = 12
"""Columns that carry names; more of them carry the row's number."""


def _heading(target: str, number: int, columns: int) -> str:
    return escape(on_one_line(target)) if columns <= _NAMED else str(number)


def _glyph(cell: Cell | None) -> Text:
    return Text(" ") if cell is None else Text(GLYPHS[cell.status], STYLES[cell.status])


def _show_consequences(console: Console, result: Verification, cause: int) -> None:
    """Print what follows from a cause under it; what has several causes stands under the first and names the others."""
    mine = [one for one in result.verdicts if one.because_of and one.because_of[0].verdict == cause]
    for verdict in mine:
        line = Text(f"    {GLYPHS[verdict.status]} follows: ", STYLES[verdict.status])
        line.append(on_one_line(f"{verdict.scenario}: {verdict.subject}: {verdict.detail}"), "dim")
        others = [f"{other.scenario}: {other.subject}" for other in verdict.because_of[1:]]
        line.append(on_one_line(f" (also from {'; '.join(others)})") if others else "", "dim")
        console.print(line, soft_wrap=True)


def _show_verdict(console: Console, verdict: Verdict) -> None:
    line = Text(f"{GLYPHS[verdict.status]} {verdict.status.value:<12} ", STYLES[verdict.status])
    line.append(on_one_line(f"{verdict.scenario}: {verdict.subject}: {verdict.detail}"), "default")
    console.print(line, soft_wrap=True)
    if verdict.fix:
        console.print(Text(f"  fix: {on_one_line(verdict.fix)}", "cyan"), soft_wrap=True)
