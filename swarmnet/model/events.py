"""What happens during a run, as data: the logic reports it, a ``Listener`` shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HostConnected:
    """A connection to a host is open."""

    host: str
    seconds: float


@dataclass(frozen=True, slots=True)
class HostFailed:
    """A host is unreachable, or failed."""

    host: str
    reason: str
    error: BaseException | None = field(default=None, compare=False)
    """The error itself, for its cause and traceback."""


@dataclass(frozen=True, slots=True)
class ActionStarted:
    """An action of a plan starts."""

    kind: str
    """As in the plan: ``network.create``."""
    target: str
    """What it changes, for people: ``network front``."""


@dataclass(frozen=True, slots=True)
class ActionFinished:
    """An action of a plan succeeded, or failed with ``error``."""

    kind: str
    target: str
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Anything else worth a line: what a wait is for, the next phase of a run."""

    text: str


Event = HostConnected | HostFailed | ActionStarted | ActionFinished | Progress
Listener = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Do nothing: the listener of a run without an audience."""


@contextmanager
def reported_late(listener: Listener, text: str, *, after: float) -> Iterator[None]:
    """Report once what the run waits for, if the block takes longer than some seconds."""
    timer = threading.Timer(after, listener, (Progress(text),))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
