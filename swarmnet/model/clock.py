"""Time as an argument, and the one way to wait: look, pause, look again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from swarmnet.errors import ConvergenceError, StoppedError, cut

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")

SAY_AFTER = 3.0
"""Seconds after which a wait is reported."""
SAY_EVERY = 10.0
_GROWTH = 1.3
_SEEN = 800
"""Characters of the last observation in an error."""


class Stopwatch(Protocol):
    """The source of time that passes."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def sleep(self, seconds: float) -> object:
        """Wait."""


class Clock(Stopwatch, Protocol):
    """The source of time, and how much of it the operator allows for one wait."""

    patience: float | None
    """Seconds that one wait may take, instead of the wait's own limit; None keeps each wait's own."""

    @property
    def stopping(self) -> bool:
        """True once the operator asked to stop."""

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC."""


def look_until(
    clock: Stopwatch,
    look: Callable[[], T],
    enough: Callable[[T], bool],
    *,
    limit: float,
    every: float,
    growth: float = 1.0,
) -> T:
    """Look repeatedly until what is seen is enough or the time is up; return the last look.

    Every wait for hosts, engines and locks is this one. It looks at least once.

    Args:
        clock: the source of time.
        look: returns what is seen now.
        enough: returns whether the wait is over.
        limit: seconds after which the next look is the last; ``inf`` waits for ``enough`` alone.
        every: seconds of the first pause.
        growth: how many times longer each pause is than the one before, up to ten times the first.
    """
    deadline, pause = clock.monotonic() + limit, every
    while not enough(seen := look()) and clock.monotonic() < deadline:
        clock.sleep(pause)
        pause = min(pause * growth, every * 10)
    return seen


def wait_until(
    clock: Clock,
    look: Callable[[], tuple[T | None, str]],
    *,
    what: str,
    timeout: float,
    every: float = 0.05,
    tell: Callable[[str], None] | None = None,
) -> T:
    """Look repeatedly until there is a result, and insist on it; pauses grow from ``every`` to ten times that.

    Args:
        clock: the source of time.
        look: returns the result, or None and what was seen instead.
        what: the condition, for the error: "network front to be allocated".
        timeout: seconds, unless the clock has a ``patience``.
        every: seconds of the first pause.
        tell: gets the condition and the last observation, after three seconds and then every ten.

    Raises:
        ConvergenceError: the time ran out; the message has the last observation.
    """
    limit = timeout if clock.patience is None else clock.patience
    next_word = clock.monotonic() + SAY_AFTER

    def enough(looked: tuple[T | None, str]) -> bool:
        nonlocal next_word
        result, seen = looked
        if result is None and tell is not None and clock.monotonic() >= next_word:
            tell(f"waiting for {what}: {seen}")
            next_word = clock.monotonic() + SAY_EVERY
        return result is not None

    result, seen = look_until(clock, look, enough, limit=limit, every=every, growth=_GROWTH)
    if result is None:
        raise ConvergenceError(f"waited {limit:g} s for {what}; last seen: {cut(seen, _SEEN)}")
    return result


def until_stopped(clock: Clock, look: Callable[[], tuple[T | None, str]]) -> Callable[[], tuple[T | None, str]]:
    """Return a look that ends the wait once the operator asked to stop, for waits that nothing follows."""

    def looked() -> tuple[T | None, str]:
        result, seen = look()
        if result is None and clock.stopping:
            raise StoppedError(f"stopped waiting because you asked to stop; last seen: {seen}")
        return result, seen

    return looked
