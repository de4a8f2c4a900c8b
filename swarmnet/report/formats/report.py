"""What a command reports, independent of any format."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from swarmnet.model.exposition import Gauge, statuses
from swarmnet.model.report import Status
from swarmnet.report.documents.base import Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from swarmnet.report.formats.page import Page

__all__ = ["Check", "Format", "Graph", "Report", "Status"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a result that a CI shows: what was looked at, and how it ended."""

    group: str
    """What kind of check it is: a scenario of verify, or the kind of an action."""
    name: str
    status: Status
    detail: str = ""
    advice: str = ""
    """What to do; empty where there is nothing to do."""
    cause: str = ""
    """The stable id of what is wrong, where it has one."""
    certainty: str = ""
    """How sure that cause is: proven, likely or possible."""
    commands: tuple[str, ...] = ()
    """What can be typed to fix it."""
    follows: tuple[int, ...] = ()
    """The positions of the checks that it follows from, from 0."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A drawing of a result: what there is, and what is connected."""

    nodes: tuple[tuple[str, str, str], ...] = ()
    """Of each its id, its label, and its kind: host, network, service, container."""
    edges: tuple[tuple[str, str, str], ...] = ()
    """The ids of both ends, and a label."""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one command."""

    command: str
    """``verify``, ``backup list`` ..."""
    document: Output | Callable[[], Output]
    """The result for programs, or what makes it where that costs much."""
    checks: tuple[Check, ...]
    """The result for CI systems."""
    print_to: Callable[[Console], None]
    """Prints the result for people."""
    seconds: float = 0.0
    graph: Graph | None = None
    """The result as a drawing; None draws the checks."""
    page: Callable[[], Page] | None = None
    """Returns what a page for people shows next to the checks; None shows the text of the terminal."""
    gauges: Callable[[], tuple[Gauge, ...]] | None = None
    """Returns what was measured; None has the status of each check."""

    def tree(self) -> dict[str, Any]:
        """Return the result for programs as JSON."""
        return (self.document if isinstance(self.document, Output) else self.document()).tree

    def drawn(self) -> Graph:
        """Return the drawing: the result's own, or the command with its checks."""
        if self.graph is not None:
            return self.graph
        checks = [(f"c{number}", f"{one.group}: {one.name}", "check") for number, one in enumerate(self.checks)]
        edges = tuple(("root", name, one.status.value) for (name, *_), one in zip(checks, self.checks, strict=True))
        return Graph((("root", f"swarmnet {self.command}", "command"), *checks), edges)

    def measured(self) -> tuple[Gauge, ...]:
        """Return what was measured: the result's own, or the status of each check."""
        if self.gauges is not None:
            return self.gauges()
        name = f"swarmnet_{self.command.replace(' ', '_')}_check"
        found = (((("group", one.group), ("name", one.name)), one.status) for one in self.checks)
        return (Gauge(name, "Whether a check ended with this status: 1 or 0.", statuses(found)),)


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a report; its module loads when it is used."""

    module: str
    """The module of this folder whose ``render`` returns the text."""
    summary: str
    """One sentence for the help."""

    def render(self, report: Report) -> str:
        """Return the whole text, marked values hidden, with a line break at its end."""
        text: str = import_module(f"swarmnet.report.formats.{self.module}").render(report)
        return text
