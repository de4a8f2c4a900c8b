"""A line in the user's crontab. cron forgets runs that it missed, so the line asks often whether one is due."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.edge.timers.marked import marked, run
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.schedule import Schedule

EVERY = "*/10 * * * *"
"""When cron asks: a run that was missed, or could not begin, comes within ten minutes."""


@dataclass(frozen=True, slots=True)
class Crontab:
    """The crontab of this user."""

    ask: Callable[[tuple[str, ...], str | None], tuple[int, str, str]] = run

    def install(self, schedule: Schedule, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Add our two lines, which replace those of the same cluster; all other lines stay as they are."""
        lines = [*without(self._read(), schedule.cluster), marked(schedule.cluster), entry(argv)]
        self._write(lines)
        return (f"wrote two lines into your crontab; cron asks every ten minutes: {lines[-1]}",)

    def remove(self, schedule: Schedule) -> tuple[str, ...]:
        """Take our lines out."""
        before = self._read()
        after = without(before, schedule.cluster)
        if before == after:
            return ()
        self._write(after)
        return ("removed two lines of your crontab",)

    def _read(self) -> list[str]:
        code, out, err = self.ask(("crontab", "-l"), None)
        if code and "no crontab" not in err:  # which is how every cron says that there is none, with exit code 1
            raise UsageError(f"cannot read your crontab: {err.strip() or code}", hint="is cron installed?")
        return out.splitlines() if code == 0 else []

    def _write(self, lines: list[str]) -> None:
        code, _out, err = self.ask(("crontab", "-"), "".join(f"{line}\n" for line in lines))
        if code:
            raise UsageError(f"cannot write your crontab: {err.strip() or code}")


def entry(argv: tuple[str, ...]) -> str:
    """Return the line: cron gives it to a shell, after it turned each unescaped % into a line break (crontab(5)).

    Raises:
        UsageError: a word has a line break, which no line of a crontab can hold.
    """
    if any(char in word for word in argv for char in "\r\n\0"):
        raise UsageError("a crontab cannot hold a name with a line break", hint="name another directory or cluster")
    return f"{EVERY} {shlex.join(argv)}".replace("%", "\\%")


def without(lines: list[str], cluster: str) -> list[str]:
    """Return the lines without our two of a cluster: the mark and the line after it, if that is an entry of ours."""
    left: list[str] = []
    ours = False
    for line in lines:
        if line == marked(cluster):
            ours = True
        elif not (ours and line.startswith(EVERY)):
            left.append(line)
            ours = False
        else:
            ours = False
    return left
