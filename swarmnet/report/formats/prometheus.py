"""What was measured, in the text format of Prometheus."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.model.exposition import exposition
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from swarmnet.model.exposition import Gauge
    from swarmnet.report.formats.report import Report


def render(report: Report) -> str:
    """Return the gauges of the report. Names of others are only ever values of labels."""
    return exposition(_shown(gauge) for gauge in report.measured())


def _shown(gauge: Gauge) -> Gauge:
    samples = (
        (tuple((key, on_one_line(SENSITIVE.masked(label))) for key, label in labels), value)
        for labels, value in gauge.samples
    )
    return replace(gauge, samples=tuple(samples))
