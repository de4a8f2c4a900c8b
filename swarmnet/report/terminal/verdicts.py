"""A verification in words: the answer first, then each cause with its fix, then a count of the rest."""

from __future__ import annotations

from collections import Counter
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.text import Text

from swarmnet.model.report import Status
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.model.verification import Level
from swarmnet.report.terminal.text import count, listed, on_one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from swarmnet.model.base import JsonValue
    from swarmnet.model.report import Verdict
    from swarmnet.model.verification import Verification

GLYPHS = {Status.OK: ".", Status.FAILED: "x", Status.WARNING: "~", Status.INCONCLUSIVE: "?", Status.SKIPPED: "-"}
STYLES = {
    Status.OK: "green",
    Status.FAILED: "bold red",
    Status.WARNING: "yellow",
    Status.INCONCLUSIVE: "magenta",
    Status.SKIPPED: "dim",
}
LOUD = (Status.FAILED, Status.INCONCLUSIVE, Status.WARNING)
"""What is always shown."""
NAMED = 3
"""Networks, or subjects of causes, that are named in the first line; of more, their number."""
WIDEST = 100
"""Columns of a line, however wide the terminal is."""
MOST_CAUSES = 12
"""Causes that are shown; the worst come first, and the rest is counted by what they are about."""
MOST_CONSEQUENCES = 4
"""Consequences that are shown under one cause."""


def answer(result: Verification) -> str:
    """Return the first line: yes, no and where, or not known and why."""
    roots = [one for one in result.verdicts if not one.because_of]
    failed, unknown, warned = ([one for one in roots if one.status is status] for status in LOUD)
    fine = sum(one.status is Status.OK for one in roots)
    if failed:
        said = f"no: {count(len(failed), 'cause')} found: {_subjects(failed)}"
        said += f"; also, {_unproved(unknown)}" if unknown else ""
    elif unknown:
        more = ", the first" if unknown[1:] else ""
        said = f"not known: {_unproved(unknown)}{more}: {unknown[0].subject}: {unknown[0].detail}"
        said += f"; what was tested works: {count(fine, 'finding')} ok {_where(result)}" if fine else ""
    elif fine or warned:
        warnings = f", with {count(len(warned), 'warning')}" if warned else ""
        part = "" if result.level in (None, Level.FULL) else f" as far as {result.level} checks tell"
        said = f"yes, the network works{part}{warnings}: {count(fine, 'finding')} ok {_where(result)}"
        said += f"; not tested: {listed(result.untested, NAMED)}" if result.untested else ""
    else:
        said = "not known: nothing was checked"
    return f"{said} ({sum(phase.seconds for phase in result.phases):.1f} s)"


def show_answer(console: Console, result: Verification) -> None:
    """Print the first line."""
    _print(console, answer(result), style=STYLES[result.status])


def show_causes(console: Console, result: Verification, *, verbose: bool) -> None:
    """Print each cause with what to do and what follows from it, then what was left out and can be changed.

    Of many causes, only the first are printed without ``verbose``.
    """
    causes = [(at, one) for at, one in enumerate(result.verdicts) if not one.because_of and one.status in LOUD]
    most = len(causes) if verbose else MOST_CAUSES
    for at, verdict in causes[:most]:
        _show(console, verdict)
        _show_consequences(console, result, at, verbose=verbose)
    if causes[most:]:
        rest = Counter((one.status.value, one.scenario) for _, one in causes[most:])
        parts = (f"{number} {status} ({scenario})" for (status, scenario), number in rest.items())
        _print(console, f"{count(len(causes) - most, 'more cause')}: {', '.join(parts)}: -v shows them", style="bold")
    for verdict in result.verdicts:
        if verdict.status is Status.SKIPPED and verdict.fix:
            _show(console, verdict)
    for note in result.notes:
        _print(console, note, style="yellow")


def show_rest(console: Console, result: Verification, *, verbose: bool) -> None:
    """Print what is fine or left out: how many, or with ``verbose`` each, and how long each phase took."""
    rest = [one for one in result.verdicts if one.status not in LOUD and not (one.fix and one.status is Status.SKIPPED)]
    if verbose:
        for verdict in rest:
            _show(console, verdict)
        for phase in result.phases:
            _print(console, f"{phase.name}: {phase.seconds:.1f} s", indent="  ", style="dim")
        return
    found = Counter(one.status for one in rest)
    parts = [f"{found[Status.OK]} ok"] if found[Status.OK] else []
    parts += [f"{found[Status.SKIPPED]} skipped"] if found[Status.SKIPPED] else []
    if parts:
        _print(console, f"{', '.join(parts)}: -v shows them", style="dim")


def _subjects(verdicts: list[Verdict]) -> str:
    return listed(tuple(dict.fromkeys(on_one_line(one.subject) for one in verdicts)), NAMED)


def _unproved(verdicts: list[Verdict]) -> str:
    return f"{count(len(verdicts), 'reason')} kept checks from running"


def _where(result: Verification) -> str:
    names = tuple(name for name in result.networks if name not in result.untested)
    if not names:
        nets = "without an overlay"
    elif len(names) <= NAMED:
        nets = f"on network{'s' if names[1:] else ''} {', '.join(map(on_one_line, names))}"
    else:
        nets = f"on {len(names)} networks"
    return f"{nets}, {count(len(result.hosts), 'host')}"


def _show(console: Console, verdict: Verdict) -> None:
    sure = f" ({verdict.certainty.value})" if verdict.certainty is not None and verdict.status in LOUD else ""
    status = f"{verdict.status.value}{sure}"
    head = f"{GLYPHS[verdict.status]} {status}: {verdict.scenario}: {verdict.subject}: {verdict.detail}"
    _print(console, head, style="" if verdict.status is not Status.SKIPPED else "dim", mark=STYLES[verdict.status])
    if verdict.fix:
        _print(console, f"fix: {verdict.fix}", indent="  ", style="cyan")
    for command in commands(verdict.evidence):
        # Never broken, so that it can be copied.
        console.print(Text(f"    {on_one_line(command)}", "bold"), soft_wrap=True)


def commands(evidence: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Return what can be typed to fix what was found."""
    found = evidence.get("commands")
    return tuple(str(one) for one in found) if isinstance(found, list) else ()


def _show_consequences(console: Console, result: Verification, cause: int, *, verbose: bool) -> None:
    """Print the consequences of a cause under it; one of several causes is under the first and names the others."""
    mine = [one for one in result.verdicts if one.because_of and one.because_of[0].verdict == cause]
    most = len(mine) if verbose else MOST_CONSEQUENCES
    for verdict in mine[:most]:
        _first, *more = dict.fromkeys(f"{other.scenario}: {other.subject}" for other in verdict.because_of)
        also = f" (also from {'; '.join(more)})" if more else ""
        words = f"{GLYPHS[verdict.status]} follows: {verdict.scenario}: {verdict.subject}: {verdict.detail}{also}"
        _print(console, words, indent="    ", style="dim", mark=STYLES[verdict.status])
    if mine[most:]:
        _print(
            console,
            f"{count(len(mine) - most, 'more follows', 'more follow')}: -v shows them",
            indent="    ",
            style="dim",
        )


def _print(console: Console, words: str, *, indent: str = "", style: str = "", mark: str = "") -> None:
    """Print words on lines that break between them, never in one; ``mark`` is the style of the first word."""
    lines = wrap(
        on_one_line(SENSITIVE.masked(words)),  # a value that is broken between two lines would not be found later
        min(console.width, WIDEST),
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    for number, line in enumerate(lines):
        text = Text(line, style)
        if mark and not number:
            text.stylize(mark, len(indent), len(indent) + len(words.partition(": ")[0]))
        console.print(text, soft_wrap=True)
