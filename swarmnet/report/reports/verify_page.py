"""What a verification found, as a page for people."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from swarmnet.model.report import WORST_FIRST, Status
from swarmnet.report.formats.page import Drawing, Grid, Mark, Page, Stop, Wire
from swarmnet.report.terminal.expected import words
from swarmnet.report.terminal.text import count
from swarmnet.report.terminal.verdicts import answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.verification import Cell, ExpectedCell, ExpectedMatrix, Matrix, Verification


def verify_page(result: Verification, changes: tuple[str, ...]) -> Page:
    """Return the answer, what changed since an earlier run, and the grids: what is expected, then each network's."""
    facts = [("run", result.run), ("hosts", _named(result.hosts)), ("networks", _named(result.networks))]
    expected = [] if result.expected is None or not result.expected.cells else [_expected(result.expected)]
    order = {name: at for at, name in enumerate(dict.fromkeys(matrix.network for matrix in result.matrices))}
    matrices = sorted(result.matrices, key=lambda matrix: order[matrix.network])
    return Page(
        title=f"swarmnet verify: cluster {result.cluster}",
        answer=answer(result),
        status=result.status,
        facts=tuple(facts),
        notes=(*result.notes, *changes),
        drawing=drawing(result),
        grids=(*expected, *map(matrix_grid, matrices)),
        timings=tuple((phase.name, phase.seconds) for phase in result.phases),
    )


_NAMED = 8
"""Names that are listed; of more, the first and their number."""


def _named(names: tuple[str, ...]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names) or "none"
    return f"{len(names)}: {', '.join(names[:_NAMED])} ..."


def drawing(result: Verification) -> Drawing:
    """Return the tested networks with their hosts and services, and where pairs failed."""
    matrices: dict[str, list[Matrix]] = {name: [] for name in result.networks}
    for matrix in result.matrices:
        matrices.setdefault(matrix.network, []).append(matrix)
    return Drawing(result.hosts, tuple(_wire(name, found, result) for name, found in matrices.items()))


def _wire(network: str, matrices: list[Matrix], result: Verification) -> Wire:
    tasks = result.tasks.get(network, {})
    hosts = [host for host in result.hosts if any(host in matrix.hosts for matrix in matrices)]
    worst = Counter[Status]()
    for matrix in matrices:
        worst.update(matrix.counts())
    return Wire(
        name=network,
        status=next((status for status in WORST_FIRST if worst[status]), Status.SKIPPED),
        stops={host: _stop(host, matrices, tasks) for host in hosts},
        services=tuple(tasks),
    )


def _stop(host: str, matrices: list[Matrix], tasks: Mapping[str, Mapping[str, int]]) -> Stop:
    """Return a host on a network: its status is the worst one in which at least half of its pairs ended somewhere."""
    there = {service: number for service, hosts in tasks.items() if (number := hosts.get(host, 0))}
    found = {matrix.scenario: _ends(host, matrix) for matrix in matrices}
    bad = [
        (status, scenario)
        for status in WORST_FIRST
        for scenario, pairs in found.items()
        if status is not Status.OK and pairs and 2 * pairs[status] >= sum(pairs.values())
    ]
    status = bad[0][0] if bad else Status.OK if any(found.values()) else Status.SKIPPED
    parts = [(scenario, pairs[status], sum(pairs.values())) for scenario, pairs in found.items() if bad]
    said = [f"{scenario}: {some} of {every} pairs {status.value}" for scenario, some, every in parts if some]
    said += [f"{service} {number}" for service, number in there.items()]
    number = sum(there.values())
    return Stop(status, "" if not number else str(number) if number < _MANY else "+", ", ".join(said))


_MANY = 100
"""Tasks that are no longer counted in a drawing."""


def _ends(host: str, matrix: Matrix) -> Counter[Status]:
    """Return how the pairs ended that a host sends or receives in."""
    return Counter(cell.status for one, row in matrix.cells.items() for two, cell in row.items() if host in (one, two))


def matrix_grid(matrix: Matrix) -> Grid:
    """Return a matrix of pairs for a page."""
    return Grid(
        group=f"network {matrix.network}",
        name=matrix.scenario,
        about="; ".join(("rows send, columns receive", *_measured(matrix))),
        rows=matrix.hosts,
        columns=matrix.hosts,
        marks={
            source: {target: Mark(cell.status, detail=_detail(cell)) for target, cell in row.items()}
            for source, row in matrix.cells.items()
        },
    )


def _detail(cell: Cell) -> str:
    return cell.detail or ("" if cell.milliseconds is None else f"{cell.milliseconds:g} ms")


def _measured(matrix: Matrix) -> Iterator[str]:
    """Yield what the values of a matrix come to."""
    pairs = [(f"{one} -> {two}", cell) for one, row in matrix.cells.items() for two, cell in row.items()]
    times = [(cell.milliseconds, pair) for pair, cell in pairs if cell.milliseconds is not None]
    if times:
        (slowest, pair), middle = max(times), median(time for time, _ in times)
        yield f"half of the pairs take at most {middle:.3g} ms, the slowest {slowest:.3g} ms ({pair})"
    losses = [(cell.lost, pair) for pair, cell in pairs if cell.lost is not None]
    if losses:
        worst, pair = max(losses)
        where = "" if len(losses) == len(pairs) else f" on the {len(losses)} of {len(pairs)} pairs that were measured"
        most = f"at most {worst:.0%} of the datagrams are lost ({pair})" if worst else "no datagram is lost"
        yield f"{most}{where}"


def _expected(matrix: ExpectedMatrix) -> Grid:
    asked = f"asked from {count(matrix.containers, 'container')} on {count(matrix.hosts, 'host')}"
    return Grid(
        group="what the playbook expects",
        name="expected and seen",
        about=f"rows reach for columns; {asked}, {count(matrix.questions, 'question')}",
        rows=tuple(one for one in matrix.parties if one in matrix.cells),
        columns=tuple(one for one in matrix.parties if any(one in row for row in matrix.cells.values())),
        marks={
            source: {target: _expectation(cell) for target, cell in row.items()} for source, row in matrix.cells.items()
        },
    )


def _expectation(cell: ExpectedCell) -> Mark:
    doors = f" on {', '.join(cell.doors)}" if cell.doors else ""
    return Mark(cell.status, words(cell), f"expected: {cell.wanted.value}{doors}; seen: {cell.seen}")
