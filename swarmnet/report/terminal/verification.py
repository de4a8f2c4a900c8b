"""Show a verification: the answer, its causes, and a matrix for each network and scenario that is not fine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.terminal.expected import show_expected
from swarmnet.report.terminal.matrices import blocks
from swarmnet.report.terminal.verdicts import show_answer, show_causes, show_rest

if TYPE_CHECKING:
    from rich.console import Console

    from swarmnet.model.verification import Verification


def show(console: Console, result: Verification, *, verbose: bool = False) -> None:
    """Print the answer, the causes, the matrices that are not all fine, and how much is; ``verbose`` prints all.

    Glyphs carry the same meaning as colours.
    """
    show_answer(console, result)
    show_causes(console, result, verbose=verbose)
    shown = [matrix for matrix in result.matrices if verbose or set(matrix.counts()) - {Status.OK, Status.SKIPPED}]
    for line in blocks(shown, console.width):
        console.print(line, soft_wrap=True)
    if result.expected is not None and result.expected.cells:
        show_expected(console, result.expected, verbose=verbose)
    show_rest(console, result, verbose=verbose)
