"""Where a command's result goes: the options ``--format`` and ``--json``, and everything that is written to stdout.

A command takes the group ``Output`` and emits one report::

    def command(cluster: LimitedCluster, output: Output) -> None:
        targets = output.targets()  # before the work: a wrong option must not end a run that changed something
        ...
        targets.emit(apply_report(report))

Results go to stdout, everything else (:func:`swarmnet.cli.wiring.note`) to stderr.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import JsonOption
from swarmnet.cli.streams import write_program_text
from swarmnet.errors import UnwrittenError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.report.formats import Report

NAMES = ("terminal", "json", "junit", "markdown", "mermaid", "dot", "html", "prometheus")
"""The formats of ``swarmnet.report.formats``, whose import would slow down each help."""

FormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="NAME[=FILE]",
        help=f"Write the result as {', '.join(NAMES[:-1])} or {NAMES[-1]}, to stdout or to FILE. Repeatable.",
    ),
]


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the result goes, checked."""

    stdout: str
    """The format on stdout."""
    files: tuple[tuple[str, Path], ...] = ()
    """Other formats, each with its file."""

    @property
    def on_stderr(self) -> bool:
        """True where stdout belongs to a program: plans and questions go to stderr then."""
        return self.stdout != "terminal"

    def emit(self, report: Report, *, shown: bool = False) -> None:
        """Write the report everywhere; ``shown`` says that people have read it while the work went on.

        Raises:
            UsageError: a file cannot be written; stdout has its part nevertheless.
        """
        from swarmnet.report.formats import FORMATS
        from swarmnet.report.terminal.console import console_for

        if self.stdout == "terminal":
            if not shown:
                report.print_to(console_for(sys.stdout))
        else:
            write_program_text(FORMATS[self.stdout].render(report))
        for name, path in self.files:
            _write(path, FORMATS[name].render(report))


@dataclass(frozen=True, slots=True)
class Output:
    """How the result is written."""

    format_: FormatOption = None
    as_json: JsonOption = False

    def targets(self, junit: Path | None = None) -> Targets:
        """Return where the result goes; ``junit`` is the file of ``--junit``.

        Raises:
            UsageError: the format does not exist, two of them want stdout, or a file's directory does not exist.
        """
        words = [*(self.format_ or ()), *(["json"] if self.as_json else ())]
        files: list[tuple[str, Path]] = [] if junit is None else [("junit", junit)]
        on_stdout: list[str] = []
        for word in words:
            name, equals, file = word.partition("=")
            if name not in NAMES or (equals and not file):
                raise UsageError(
                    f"--format {word}: unknown format", hint=f"write NAME or NAME=FILE: {', '.join(NAMES)}"
                )
            if file:
                files.append((name, Path(file)))
            elif name not in on_stdout:
                on_stdout.append(name)
        if len(on_stdout) > 1:
            raise UsageError(
                f"only one format can go to stdout, not {' and '.join(on_stdout)}",
                hint="give the others a file: NAME=FILE",
            )
        for _name, path in files:
            if not path.absolute().parent.is_dir():
                raise UsageError(f"{path}: its directory does not exist", hint="create it first")
        return Targets(on_stdout[0] if on_stdout else "terminal", tuple(files))


def wants_json(words: Iterable[str]) -> bool:
    """Return whether a command line asks for JSON on stdout, also one that cannot be parsed."""
    words = [*words]
    return bool({"--json", "--format=json"} & {*words}) or ("--format", "json") in pairwise(words)


def _write(path: Path, text: str) -> None:
    from swarmnet.files import write_report

    try:
        write_report(path, text.encode("utf-8", errors="backslashreplace"))
    except OSError as error:
        raise UnwrittenError(path, error) from error
