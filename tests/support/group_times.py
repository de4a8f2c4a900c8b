"""Where the time of a run goes: ``pytest --group-seconds`` ends with the seconds of each group of tests and worker."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _pytest.terminal import TerminalReporter

SHOWN = 5.0
"""Seconds; groups that take less are one line together."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    words = "print the seconds of each group of tests that shares a lab, of other files, and of each worker"
    parser.addoption("--group-seconds", action="store_true", help=words)


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    if config.getoption("--group-seconds"):
        found = [one for kind in terminalreporter.stats.values() for one in kind if isinstance(one, pytest.TestReport)]
        terminalreporter.section("seconds")
        for line in table(found):
            terminalreporter.write_line(line)


def table(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return the lines, the longest first: groups of lab tests by their name, other tests by their file."""
    groups: defaultdict[str, float] = defaultdict(float)
    workers: defaultdict[str, float] = defaultdict(float)
    for one in reports:
        groups[group_of(one.nodeid)] += one.duration
        workers[getattr(one, "worker_id", "all")] += one.duration
    ranked = sorted(groups.items(), key=lambda item: -item[1])
    long = [f"{seconds:7.1f} {name}" for name, seconds in ranked if seconds >= SHOWN]
    short = [seconds for seconds in groups.values() if seconds < SHOWN]
    together = [f"{sum(short):7.1f} {len(short)} others"] if short else []
    return [*long, *together, *(f"{seconds:7.1f} on worker {name}" for name, seconds in sorted(workers.items()))]


def group_of(nodeid: str) -> str:
    """Return the group that xdist wrote behind a test's name; the file where there is none."""
    name, mark, group = nodeid.rpartition("@")
    is_group = mark and name and not set(group) & set("]/:")
    return group if is_group else nodeid.partition("::")[0]
