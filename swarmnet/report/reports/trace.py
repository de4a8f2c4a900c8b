"""The report of ``swarmnet trace``, ready for any format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.documents.trace import trace_document
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.console import printed
from swarmnet.report.terminal.trace import trace_lines

if TYPE_CHECKING:
    from swarmnet.model.trace import Trace


def trace_report(result: Trace) -> Report:
    """Return a trace: a check for each layer of each path."""
    return Report(
        command="trace",
        document=trace_document(result),
        checks=tuple(
            Check(path.source, layer.name, layer.status, layer.detail, layer.fix or "", layer.cause or "")
            for path in result.paths
            for layer in path.layers
        ),
        print_to=printed(trace_lines(result)),
    )
