"""What happens during a run, as data: the logic reports it, a ``Listener`` shows it."""

from __future__ import annotations

from collections.abc import Callable
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
