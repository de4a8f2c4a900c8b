"""Identify a process by its pid and start time: a pid alone may belong to another process by now."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

_START_TIME = 19
"""Index of ``starttime`` (field 22 of proc(5) stat) among the fields after the command name."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process, distinguished from any later one with the same pid."""

    pid: int
    started: int
    """Clock ticks after boot."""

    @classmethod
    def from_stat(cls, line: str) -> ProcessIdentity:
        """Read a line of ``/proc/PID/stat``; the command name in it may hold spaces and brackets.

        Raises:
            ValueError: It is not such a line.
        """
        head, bracket, tail = line.rpartition(")")
        fields = tail.split()
        if not bracket or len(fields) <= _START_TIME:
            raise ValueError(f"not a line of /proc/PID/stat: {line!r}")
        return cls(int(head.split(" ", 1)[0]), int(fields[_START_TIME]))

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """Return the identity of the process that has ``pid`` now, or None."""
        try:
            return cls.from_stat(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace"))
        except (FileNotFoundError, ProcessLookupError):
            return None

    @classmethod
    def recorded_in(cls, path: Path) -> ProcessIdentity | None:
        """Return the identity that a process wrote about itself into ``path``; None without such a file."""
        try:
            return cls.from_stat(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def alive(self) -> bool:
        """Return whether this very process still runs (a zombie does not)."""
        try:
            line = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return ProcessIdentity.from_stat(line) == self and line.rpartition(")")[2].split()[0] not in "ZX"

    def kill(self) -> None:
        """Kill this very process and no other; it may have ended already."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            # The handle pins the process, so what is checked here is what gets the signal.
            if self.alive():
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            os.close(handle)
