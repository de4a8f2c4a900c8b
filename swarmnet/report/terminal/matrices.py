"""Matrices of pairs on a terminal: small ones whole, of large ones the worst hosts and a count of the rest.

Scenarios, and networks, in which the same pairs ended in the same way are shown once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from swarmnet.model.plural import count
from swarmnet.model.report import WORST_FIRST, Status
from swarmnet.report.terminal.text import listed, on_one_line
from swarmnet.report.terminal.verdicts import GLYPHS, LOUD, STYLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from swarmnet.model.verification import Matrix

SMALL = 12
"""Hosts of a matrix that is shown whole, where the screen has room for it."""
MOST_LINES = 6
"""Lines on the worst hosts of a large matrix."""
MOST_NETWORKS = 6
"""Networks that are named; of more, their number."""
LIST_WIDTH = 80
"""Columns of a line on pairs."""

Ended = dict[tuple[str, str], Status]
"""How each ordered pair ended, by source and destination."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Scenarios of one network whose pairs ended in the same way."""

    scenarios: tuple[str, ...]
    hosts: tuple[str, ...]
    ended: Ended

    @property
    def key(self) -> tuple[object, ...]:
        """What is the same in networks that are shown together."""
        return (self.scenarios, self.hosts, frozenset(self.ended.items()))


def blocks(matrices: Iterable[Matrix], width: int) -> Iterator[Text]:
    """Yield lines: for each group of networks that look the same its names, then its matrices."""
    by_network: dict[str, list[Matrix]] = defaultdict(list)
    for matrix in matrices:
        by_network[matrix.network].append(matrix)
    groups: dict[tuple[object, ...], tuple[list[str], list[Alike]]] = {}
    for network, found in by_network.items():
        alike = _alike(found)
        groups.setdefault(tuple(one.key for one in alike), ([], alike))[0].append(network)
    whole = lists = False
    for networks, alike in groups.values():
        names = listed([on_one_line(name) for name in networks], MOST_NETWORKS)
        yield Text(f"network{'s' if networks[1:] else ''} {names}", "bold")
        for one in alike:
            fitting = _whole(one, width)
            whole, lists = whole or fitting is not None, lists or fitting is None
            yield from _worst(one, min(width, LIST_WIDTH)) if fitting is None else fitting
    legend = "  ".join(f"{glyph} {status.value}" for status, glyph in GLYPHS.items())
    reading = ["rows send, columns receive"] if whole else []
    reading += ["A -> B: A sends, B receives; <->: both ways"] if lists else []
    if reading:
        yield Text(f"{'; '.join(reading)}", "dim")
        yield Text(legend, "dim")


def _alike(matrices: Sequence[Matrix]) -> list[Alike]:
    groups: dict[tuple[object, ...], Alike] = {}
    for matrix in matrices:
        ended = {(one, two): cell.status for one, row in matrix.cells.items() for two, cell in row.items()}
        key = (matrix.hosts, frozenset(ended.items()))
        before = groups.get(key)
        names = (*(before.scenarios if before else ()), matrix.scenario)
        groups[key] = Alike(names, matrix.hosts, ended)
    return list(groups.values())


def _counted(one: Alike) -> str:
    fine = sum(status is Status.OK for status in one.ended.values())
    return f"{', '.join(one.scenarios)}: {fine} of {len(one.ended)} ordered pairs ok"


def _whole(one: Alike, width: int) -> list[Text] | None:
    """Return the matrix line by line, or None where it is too large; names are never broken."""
    hosts = [on_one_line(host) for host in one.hosts]
    if len(hosts) > SMALL:
        return None
    label, names, labels = ", ".join(one.scenarios), hosts, hosts
    first = max(map(len, (label, *labels)), default=0)
    if 2 + first + sum(len(name) + 2 for name in names) > width:
        names = [str(number) for number in range(1, len(hosts) + 1)]
        labels = [f"{number} {host}" for number, host in zip(names, hosts, strict=True)]
        first = max(map(len, (label, *labels)))
    if 2 + first + sum(len(name) + 2 for name in names) > width:
        return None
    lines = [Text(f"  {label.ljust(first)}", "bold").append("".join(f"  {name}" for name in names))]
    for source, shown in zip(one.hosts, labels, strict=True):
        line = Text(f"  {shown.ljust(first)}", "bold")
        for target, name in zip(one.hosts, names, strict=True):
            line.append("  ").append(_glyph(one.ended.get((source, target)))).append(" " * (len(name) - 1))
        line.rstrip()
        lines.append(line)
    return [*lines, Text(f"  {_counted(one)}", "dim")]


def _glyph(status: Status | None) -> Text:
    return Text(" ") if status is None else Text(GLYPHS[status], STYLES[status])


def _worst(one: Alike, width: int) -> Iterator[Text]:
    """Yield how many pairs are fine, the hosts with most of the others, and how many pairs these lines leave out."""
    yield Text(f"  {_counted(one)}", "bold" if any(status in LOUD for status in one.ended.values()) else "dim")
    bad: Ended = {pair: status for pair, status in one.ended.items() if status not in (Status.OK, Status.SKIPPED)}
    for _line in range(MOST_LINES):
        if not bad:
            return
        status = next(status for status in WORST_FIRST if status in bad.values())
        found = _most([pair for pair, how in bad.items() if how is status], one.hosts)
        everyone = [host for host in one.hosts if _measured(one.ended, found.host, host)]
        yield Text(f"    {GLYPHS[status]} {found.said(everyone, width - 6)}", STYLES[status])
        bad = {pair: how for pair, how in bad.items() if pair not in found.pairs}
    if bad:
        rest = Counter(bad.values())
        parts = ", ".join(f"{rest[status]} {status.value}" for status in WORST_FIRST if rest[status])
        yield Text(f"    and {count(len(bad), 'more pair')}: {parts}", "dim")


def _measured(ended: Ended, one: str, two: str) -> bool:
    return (one, two) in ended or (two, one) in ended


@dataclass(frozen=True, slots=True)
class _Worst:
    """A host, and others that it has pairs of one status with."""

    host: str
    others: tuple[str, ...]
    sends: bool
    receives: bool

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """The ordered pairs."""
        sent = frozenset((self.host, other) for other in self.others if self.sends)
        return sent | {(other, self.host) for other in self.others if self.receives}

    def said(self, everyone: Sequence[str], width: int) -> str:
        """Return the pairs in words; ``everyone`` is who the host has pairs with at all."""
        mine, names = on_one_line(self.host), [on_one_line(other) for other in self.others]
        spared = [on_one_line(other) for other in everyone if other not in self.others]
        if len(names) == 1:
            return self._arrow(mine, names[0])
        if not spared:
            return self._arrow(mine, f"all {len(names)} others")
        if len(spared) <= _SPARED < len(names):
            return self._arrow(mine, f"all others but {listed(spared, _SPARED)}")
        head = f"{self._arrow(mine, f'{len(names)} of {len(everyone)}')}: "
        most = len(names)
        while most > 1 and len(head) + len(listed(names, most)) > width:
            most -= 1
        return f"{head}{listed(names, most)}"

    def _arrow(self, mine: str, others: str) -> str:
        if self.sends and self.receives:
            return f"{mine} <-> {others}"
        return f"{mine} -> {others}" if self.sends else f"{others} -> {mine}"


_SPARED = 2
"""Hosts that are named as the only ones that a host has good pairs with."""


def _most(pairs: Sequence[tuple[str, str]], hosts: Sequence[str]) -> _Worst:
    """Return the end that most of these pairs share; both directions, where they are lost to the same hosts."""
    ends: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for source, target in pairs:
        ends[source, True].append(target)
        ends[target, False].append(source)
    order = {host: at for at, host in enumerate(hosts)}
    both = {one for one, sends in ends if sends and set(ends[one, True]) == set(ends.get((one, False), ()))}
    (host, sends), others = max(
        ends.items(),
        key=lambda end: (len(end[1]) * (1 + (end[0][0] in both)), end[0][1], -order.get(end[0][0], 0)),
    )
    sorted_others = tuple(sorted(others, key=lambda other: order.get(other, 0)))
    return _Worst(host, sorted_others, sends or host in both, not sends or host in both)
