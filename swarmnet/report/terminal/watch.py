"""A change that ``watch`` saw, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.terminal.console import line
from swarmnet.report.terminal.since import since_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.report.documents.watch import WatchDocument
    from swarmnet.report.terminal.console import Line

_STYLES = {"ok": "green", "warning": "yellow", "failed": "red", "inconclusive": "magenta"}


def watch_lines(found: WatchDocument) -> Iterator[Line]:
    """Yield when, how it is now, and what changed."""
    status = found.status or "not known"
    word = status if found.before in (None, found.status) else f"{found.before} -> {status}"
    yield line(f"{found.at} ", (word, _STYLES.get(status, "magenta")), f": {found.answer}")
    if found.since is not None:
        yield from list(since_lines(found.since))[1:]
