"""A check of hosts in words: whether they are ready, each cause with hosts and commands, and the matrix of pairs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from swarmnet.model.report import Status
from swarmnet.report.terminal.matrices import blocks
from swarmnet.report.terminal.text import count
from swarmnet.report.terminal.verdicts import LOUD, STYLES, show_causes, show_rest

if TYPE_CHECKING:
    from rich.console import Console

    from swarmnet.model.verification import Verification


def check_answer(result: Verification) -> str:
    """Return the first line: whether the hosts are ready for a swarm, or how many causes prevent that."""
    roots = Counter(one.status for one in result.verdicts if not one.because_of)
    failed, unknown, warned = (roots[status] for status in LOUD)
    if failed:
        said = f"not ready for a swarm: {count(failed, 'cause')} found"
        said += f", {count(warned, 'warning')}" if warned else ""
        said += f"; {count(unknown, 'reason')} kept checks from running" if unknown else ""
    elif unknown:
        said = f"unknown: {count(unknown, 'reason')} kept checks from running"
    elif roots[Status.OK] or warned:
        warnings = f", with {count(warned, 'warning')}" if warned else ""
        said = f"ready for a swarm{warnings}: {count(len(result.hosts), 'host')}"
    else:
        said = "unknown: nothing was checked"
    return f"{said} ({sum(phase.seconds for phase in result.phases):.1f} s)"


def show_check(console: Console, result: Verification, *, verbose: bool = False) -> None:
    """Print the answer, the causes, the matrix of pairs, and how much is fine; ``verbose`` prints all."""
    console.print(Text(check_answer(result), STYLES[result.status]), soft_wrap=True)
    show_causes(console, result, verbose=verbose)
    for line in blocks(result.matrices, console.width):
        console.print(line, soft_wrap=True)
    show_rest(console, result, verbose=verbose)
