"""Progress: one line for each event, and on a terminal one more that says what runs now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rich.text import Text

from swarmnet.model.events import ActionFinished, ActionStarted, HostConnected, HostFailed, Progress
from swarmnet.report.terminal.console import console_for, line
from swarmnet.report.terminal.text import on_one_line, shortened, trace_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from swarmnet.model.events import Event

SHOWN = 3
"""Running actions that are named; the others are counted."""


class ProgressLines:
    """A ``Listener`` that writes to a stream, normally stderr. Threads may share it."""

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self._stream = stream
        self._console = console_for(stream)
        self._verbose = verbose
        self._running: dict[str, None] = {}
        self._live = stream.isatty()
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Print one event."""
        with self._lock:
            match event:
                case ActionStarted(_, target):
                    self._running[target] = None
                case ActionFinished(_, target, _, _):
                    self._running.pop(target, None)
                case _:
                    pass
            if self._live:
                self._stream.write("\r\x1b[K")
            for one in self._lines(event):
                self._console.print(one, soft_wrap=True)
            if self._live:
                self._console.print(Text(self._now(), "dim"), end="", soft_wrap=True)
            self._stream.flush()

    def _lines(self, event: Event) -> Iterator[Text]:
        match event:
            case HostConnected(host, seconds):
                if self._verbose:
                    yield line((f"connected to {host} ({seconds:.2f} s)", "dim"))
            case HostFailed(host, reason, error):
                yield line((f"{host} failed: {shortened(on_one_line(reason))}", "red"))
                trace = trace_lines(error) if self._verbose and error and error.__cause__ else ()
                yield from map(line, trace)
            case ActionStarted() | ActionFinished():
                yield from self._action(event)
            case Progress(text):
                yield line(shortened(on_one_line(text)))

    def _action(self, event: ActionStarted | ActionFinished) -> Iterator[Text]:
        match event:
            case ActionStarted(_, target):
                if self._verbose:
                    yield line((f"started: {target}", "dim"))
            case ActionFinished(_, target, seconds, None):
                yield line(("done", "green"), f": {target} ({seconds:.1f} s)")
            case ActionFinished(_, target, seconds, error):
                said = shortened(on_one_line(error or ""))
                yield line(("failed", "red"), f": {target} ({seconds:.1f} s): {said}")

    def _now(self) -> str:
        if not self._running:
            return ""
        names = [on_one_line(name) for name in self._running][:SHOWN]
        more = len(self._running) - len(names)
        return f"... {', '.join(names)}" + (f" and {more} more" if more else "")
