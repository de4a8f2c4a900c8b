"""A trace in words: the answer, then a line for each layer, once for all askers that saw the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.terminal.console import line
from swarmnet.report.terminal.folded import folded
from swarmnet.report.terminal.verdicts import GLYPHS, STYLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from swarmnet.model.trace import Path, Trace
    from swarmnet.report.terminal.console import Line
    from swarmnet.report.terminal.folded import Group

OPEN = (Status.FAILED, Status.INCONCLUSIVE, Status.WARNING)
"""What keeps a way from being known to work well, the worst first."""
ANSWERS = {Status.INCONCLUSIVE: "unknown: ", Status.WARNING: "connects, but "}
"""What the answer begins with."""


def trace_lines(result: Trace) -> Iterator[Line]:
    """Yield the answer, then the layers, those that several askers saw alike once; each fix is under its layer."""
    way = f"{result.source} -> {result.target}" if result.target else result.source
    worst = next((one for one in OPEN if any(path.status is one for path in result.paths)), None)
    if worst is None:
        said = "connects; what the program answers was not read" if result.target else "looked at"
        yield line((f"{way}: {said}", STYLES[Status.OK]))
    else:
        yield line((f"{way}: {ANSWERS.get(worst, '')}{_answer(result.paths, worst)}", STYLES[worst]))
    width = max((len(layer.name) for path in result.paths for layer in path.layers), default=0)
    for group in folded(result.paths):
        yield from _layers(group, width)
    for note in result.notes:
        yield line((note, "yellow"))


def _answer(paths: Sequence[Path], status: Status) -> str:
    """Return the first layer that is broken, or not known, for each group of askers that have the same."""
    groups = folded([path for path in paths if path.status is status])
    found = [(group, one) for group in groups for one in group.layers if one.status is status]
    first, layer = found[0]
    whose = f"from {first.title}: " if len(first.sources) < len(paths) else ""
    others = [f"from {group.title}: {one.name}" for group, one in found[1:]]
    more = f"; also {', '.join(others)}" if others else ""
    return f"{whose}{layer.name}: {layer.detail}{more}"


def _layers(group: Group, width: int) -> Iterator[Line]:
    yield line((group.title, "bold"))
    for layer in group.layers:
        yield line("  ", (GLYPHS[layer.status], STYLES[layer.status]), f" {layer.name.ljust(width)}  {layer.detail}")
        if layer.fix and layer.status in OPEN:
            yield line((f"    fix: {layer.fix}", "cyan"))
            for command in layer.commands:
                yield line((f"      {command}", "bold"))
