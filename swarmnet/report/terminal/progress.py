"""What happens, told while it happens: one line an event, and on a terminal one more that says what runs now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from swarmnet.model.events import ActionFinished, ActionStarted, HostConnected, HostFailed, Progress
from swarmnet.report.terminal.text import Paint, on_one_line, shortened, trace_lines

if TYPE_CHECKING:
    from typing import TextIO

    from swarmnet.model.events import Event

SHOWN = 3
"""Running actions that are named; the others are counted."""


class ProgressLines:
    """A ``Listener`` that writes to a stream, normally stderr. Threads may share it."""

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self._stream = stream
        self._paint = Paint.for_stream(stream)
        self._verbose = verbose
        self._running: dict[str, None] = {}
        self._live = stream.isatty()
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Tell one event."""
        with self._lock:
            match event:
                case ActionStarted(_, target):
                    self._running[target] = None
                case ActionFinished(_, target, _, _):
                    self._running.pop(target, None)
                case _:
                    pass
            line = self._line(event)
            if self._live:
                self._stream.write("\r\x1b[K")
            if line is not None:
                self._stream.write(line + "\n")
            if self._live:
                self._stream.write(self._paint.dim(self._now()))
            self._stream.flush()

    def _line(self, event: Event) -> str | None:
        match event:
            case HostConnected(host, seconds):
                return self._paint.dim(f"connected to {on_one_line(host)} ({seconds:.2f} s)") if self._verbose else None
            case HostFailed(host, reason, error):
                said = shortened(on_one_line(reason))
                line = self._paint.red(f"{on_one_line(host)} failed: {said}")
                trace = trace_lines(error) if self._verbose and error and error.__cause__ else ()
                return "\n".join((line, *trace))
            case ActionStarted(_, target):
                return self._paint.dim(f"begun: {on_one_line(target)}") if self._verbose else None
            case ActionFinished(_, target, seconds, None):
                return f"{self._paint.green('done')}: {on_one_line(target)} ({seconds:.1f} s)"
            case ActionFinished(_, target, seconds, error):
                text = f"{on_one_line(target)} ({seconds:.1f} s): {shortened(on_one_line(error or ''))}"
                return f"{self._paint.red('failed')}: {text}"
            case Progress(text):
                return shortened(on_one_line(text))

    def _now(self) -> str:
        if not self._running:
            return ""
        names = [on_one_line(name) for name in self._running][:SHOWN]
        more = len(self._running) - len(names)
        return f"... {', '.join(names)}" + (f" and {more} more" if more else "")
