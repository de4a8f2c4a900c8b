"""The report of ``swarmnet trace``, ready for any format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.documents.trace import trace_document
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.console import printed
from swarmnet.report.terminal.trace import trace_lines
from swarmnet.report.terminal.verdicts import commands

if TYPE_CHECKING:
    from swarmnet.model.trace import Trace


def trace_report(result: Trace) -> Report:
    """Return a trace: a check for each layer of each path."""
    return Report(
        command="trace",
        document=trace_document(result),
        checks=tuple(
            Check(
                group=path.source,
                name=layer.name,
                status=layer.status,
                detail=layer.detail,
                advice=layer.fix or "",
                cause=layer.cause or "",
                commands=commands(layer.evidence),
            )
            for path in result.paths
            for layer in path.layers
        ),
        print_to=printed(trace_lines(result)),
    )
