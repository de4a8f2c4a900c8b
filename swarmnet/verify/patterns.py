"""Which hosts a set of failed pairs points at: one host's way in, its way out, both, everything, or single pairs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Pair = tuple[str, str]
"""Source and destination."""
FEWEST_PEERS = 2
"""With one peer only, a failed pair points at both ends alike."""


class Shape(StrEnum):
    """The pattern that failed pairs form in the matrix."""

    ALL = "all"
    ISOLATED = "isolated"
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    BETWEEN = "between"
    ONE_WAY = "one-way"


@dataclass(frozen=True, slots=True)
class Reach:
    """Failed pairs that have one explanation."""

    shape: Shape
    hosts: tuple[str, ...]
    """The host that the shape is about; both ends of a pair; none for all."""
    pairs: frozenset[Pair]


def decompose(failed: frozenset[Pair], tested: frozenset[Pair]) -> tuple[Reach, ...]:
    """Return the fewest shapes that explain every failed pair, the widest first.

    Each pair is explained once. A row or column counts only when every tested pair of it failed.
    """
    if not failed:
        return ()
    if failed >= tested and len({host for pair in tested for host in pair}) > FEWEST_PEERS:
        return (Reach(Shape.ALL, (), failed),)
    found: list[Reach] = []
    left = set(failed)
    for reach in sorted(_lines(failed, tested), key=lambda line: (-len(line.pairs), line.hosts)):
        news = reach.pairs & left
        if len(news) >= FEWEST_PEERS:
            found.append(Reach(reach.shape, reach.hosts, frozenset(news)))
            left -= news
    return (*found, *_single(left))


def _lines(failed: frozenset[Pair], tested: frozenset[Pair]) -> list[Reach]:
    """Return every host whose whole row, whole column, or both failed."""
    lines = []
    for host in sorted({host for pair in failed for host in pair}):
        into = frozenset(pair for pair in tested if pair[1] == host)
        out = frozenset(pair for pair in tested if pair[0] == host)
        cut_in, cut_out = _is_cut(into, failed), _is_cut(out, failed)
        if cut_in and cut_out:
            lines.append(Reach(Shape.ISOLATED, (host,), into | out))
        elif cut_in or cut_out:
            lines.append(Reach(Shape.INBOUND if cut_in else Shape.OUTBOUND, (host,), into if cut_in else out))
    return lines


def _is_cut(line: frozenset[Pair], failed: frozenset[Pair]) -> bool:
    return len(line) >= FEWEST_PEERS and line <= failed


def _single(left: set[Pair]) -> list[Reach]:
    found = []
    for source, target in sorted(left):
        if (target, source) not in left:
            found.append(Reach(Shape.ONE_WAY, (source, target), frozenset({(source, target)})))
        elif source < target:
            found.append(Reach(Shape.BETWEEN, (source, target), frozenset({(source, target), (target, source)})))
    return found
