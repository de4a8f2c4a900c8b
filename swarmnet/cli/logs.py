"""The debug log: each request to an engine and each command on a host, for support. It holds no value that is sent.

``swarmnet.engine`` logs the method, the path, the names of the fields, the status and the time. ``swarmnet.ssh`` logs
the program, its exit status and the time. Lines pass the same filters as everything else that is printed.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import UnwrittenError
from swarmnet.model.events import Progress
from swarmnet.model.printable import on_one_line
from swarmnet.model.sensitive import SENSITIVE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    from swarmnet.model.events import Listener

_ROOT = logging.getLogger("swarmnet")


@dataclass(frozen=True, slots=True)
class Log:
    """Where the log of one run goes."""

    on_stderr: bool = False
    """``-vv``."""
    file: Path | None = None
    """``--log-file``; lines are appended, and only its owner can read a new file."""

    @contextmanager
    def kept(self, listener: Listener) -> Iterator[None]:
        """Keep the log while a run lasts; ``listener`` prints what goes to stderr, between its own lines.

        Raises:
            UsageError: the file cannot be written.
        """
        file = None if self.file is None else _opened(self.file)
        handlers: list[logging.Handler] = [_Printed(listener)] if self.on_stderr else []
        if file is not None:
            handlers.append(_Written(file, listener))
        before = _ROOT.level
        for handler in handlers:
            _ROOT.addHandler(handler)
        if handlers:
            _ROOT.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            _ROOT.setLevel(before)
            for handler in handlers:
                _ROOT.removeHandler(handler)
                handler.close()
            if file is not None:
                with suppress(OSError):  # what could not be written was reported when it came
                    file.close()


class _Safe(logging.Formatter):
    """Formats a record as one printable line without marked values."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return on_one_line(SENSITIVE.masked(super().format(record)))


class _Printed(logging.Handler):
    """Hands each line to the listener that prints progress: nothing else may write while its live line is shown."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self.setFormatter(_Safe("%(message)s"))
        self._listener = listener

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        self._listener(Progress(self.format(record)))


def _opened(path: Path) -> TextIO:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise UnwrittenError(path, error, hint="name another file with --log-file") from None
    return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


class _Written(logging.StreamHandler["TextIO"]):
    """Writes each line at once, and says so when a line cannot be written: the first one, and the run goes on."""

    def __init__(self, file: TextIO, listener: Listener) -> None:
        super().__init__(file)
        self.setFormatter(_Safe("%(asctime)s %(message)s"))
        self._listener = listener
        self._failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class calls it so
        """Report the first line that is lost."""
        del record
        if not self._failed:
            self._failed = True
            self._listener(Progress(f"warning: the log file is not complete: {sys.exc_info()[1]}"))
