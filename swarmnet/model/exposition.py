"""Measured values in the text format of Prometheus, for the textfile collector of its node exporter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.report import WORST_FIRST, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One metric: a name in base units, what it is, and its value for each set of labels."""

    name: str
    text: str
    """One sentence, on one line."""
    samples: tuple[tuple[Labels, float], ...]


def exposition(gauges: Iterable[Gauge]) -> str:
    """Return the text. Of samples with equal labels the largest counts: Prometheus refuses a file that has both.

    A metric without samples is left out.
    """
    return "".join(f"{line}\n" for gauge in gauges for line in _lines(gauge))


def statuses(found: Iterable[tuple[Labels, Status]]) -> tuple[tuple[Labels, float], ...]:
    """Return a sample for each status that labels can have: 1 for the worst that they have, 0 for the others."""
    worst: dict[Labels, Status] = {}
    for labels, status in found:
        worst[labels] = min(status, worst.get(labels, status), key=WORST_FIRST.index)
    return tuple(
        ((*labels, ("status", each.value)), float(each is status))
        for labels, status in worst.items()
        for each in Status
    )


def _lines(gauge: Gauge) -> Iterator[str]:
    found: dict[str, float] = {}
    for labels, value in gauge.samples:
        words = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels)
        found[words] = max(value, found.get(words, value))
    if found:
        yield f"# HELP {gauge.name} {gauge.text}"
        yield f"# TYPE {gauge.name} gauge"
    for words, value in found.items():
        yield f"{gauge.name}{{{words}}} {value:.17g}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
