"""A playbook that was written, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.terminal.console import line
from swarmnet.report.terminal.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.report.documents.adopt import AdoptDocument
    from swarmnet.report.terminal.console import Line


def adopt_lines(document: AdoptDocument) -> Iterator[Line]:
    """Yield the files, what is written as a comment, and what to know."""
    steps = ", ".join(count(number, word) for word, number in document.steps.items()) or "comments alone"
    yield f"wrote {document.playbook}: {steps}"
    yield from (f"wrote {path}" for path in (*document.files, document.inventory) if path is not None)
    yield "only you can read these files: they hold values in clear"
    for one in document.left_out:
        yield line((f"left out, as a comment: {one.object}: {one.reason}", "yellow"))
    for text in document.warnings:
        yield line((f"warning: {text}", "yellow"))
