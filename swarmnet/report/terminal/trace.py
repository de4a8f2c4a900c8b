"""A trace in words: a heading for each asker, and a line for each layer of its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.terminal.console import line
from swarmnet.report.terminal.verdicts import GLYPHS, STYLES, commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.trace import Trace
    from swarmnet.report.terminal.console import Line


def trace_lines(result: Trace) -> Iterator[Line]:
    """Yield the answer, then each path with its layers; the fix is under the layer that is broken."""
    bad = [path for path in result.paths if path.status is Status.FAILED]
    unknown = [path for path in result.paths if path.status is Status.INCONCLUSIVE]
    way = f"{result.source} -> {result.target}" if result.target else result.source
    if bad:
        first = next(one for one in bad[0].layers if one.status is Status.FAILED)
        yield line((f"{way}: {first.name}: {first.detail}", STYLES[Status.FAILED]))
    elif unknown:
        first = next(one for one in unknown[0].layers if one.status is Status.INCONCLUSIVE)
        yield line((f"{way}: unknown: {first.name}: {first.detail}", STYLES[Status.INCONCLUSIVE]))
    else:
        said = "connects; what the program answers was not read" if result.target else "looked at"
        yield line((f"{way}: {said}", STYLES[Status.OK]))
    for path in result.paths:
        yield line((path.source, "bold"))
        width = max(len(layer.name) for layer in path.layers)
        for layer in path.layers:
            yield line(
                "  ", (GLYPHS[layer.status], STYLES[layer.status]), f" {layer.name.ljust(width)}  {layer.detail}"
            )
            if layer.fix and layer.status in (Status.FAILED, Status.INCONCLUSIVE):
                yield line((f"    fix: {layer.fix}", "cyan"))
                for command in commands(layer.evidence):
                    yield line((f"      {command}", "bold"))
    for note in result.notes:
        yield line((note, "yellow"))
