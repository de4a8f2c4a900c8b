"""Signals that ask this process to end: Ctrl-C, ``kill``, and a terminal or SSH session that goes away.

Each of them ends a command as Ctrl-C does: by an exception that gives back locks, probes and half-done steps on its
way. A second one ends it at once.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_HANGUP = 1.0
"""Seconds in which another SIGHUP is about the same terminal: the kernel sends one, and so does the shell."""


class _HangUps:
    """The terminal of this process."""

    def __init__(self) -> None:
        self._heard = -SAME_HANGUP

    def is_new(self, number: int) -> bool:
        """Return whether a signal is a new request; after a hang-up, nothing is written to the lost terminal."""
        if number != signal.SIGHUP:
            return True
        _silence_lost_streams()
        before, self._heard = self._heard, time.monotonic()
        return self._heard - before >= SAME_HANGUP


_hang_ups = _HangUps()


def heed() -> None:
    """Let ``kill`` and a lost terminal end this process as Ctrl-C does; what was ignored (``nohup``) stays so."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


class Interruption:
    """Ctrl-C, SIGTERM or SIGHUP while things are changed.

    The first asks to stop after what runs now, the second stops at once.

    Entered around the execution of a plan (``workflows.execute.Stop``); outside of it they interrupt as usual.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if not _hang_ups.is_new(number):
            return
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        # Not by print: a handler may interrupt a print that is under way.
        os.write(2, b"\nstopping after the running actions; press again to stop at once\n")


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if _hang_ups.is_new(number):
        raise KeyboardInterrupt


def _silence_lost_streams() -> None:
    """Discard what is written to a terminal that is gone: it would fail in the middle of cleaning up."""
    for descriptor in (1, 2):
        try:
            os.write(descriptor, b"")
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
