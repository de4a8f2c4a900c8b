"""Time as an argument, and the one way to wait for a condition."""

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
_SEEN = 800
"""Characters of the last observation in an error."""


class Clock(Protocol):
    """The source of time, and how much of it the operator allows for one wait."""

    patience: float | None
    """Seconds that one wait may take, instead of the wait's own limit; None keeps each wait's own."""

    @property
    def stopping(self) -> bool:
        """True once the operator asked to stop."""

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


def wait_until(
    clock: Clock,
    look: Callable[[], tuple[T | None, str]],
    *,
    what: str,
    timeout: float,
    every: float = 0.05,
    tell: Callable[[str], None] | None = None,
) -> T:
    """Look repeatedly until there is a result; pauses grow from ``every`` to ten times that.

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
    deadline = clock.monotonic() + limit
    next_word = clock.monotonic() + SAY_AFTER
    pause = every
    while True:
        result, seen = look()
        if result is not None:
            return result
        if clock.monotonic() >= deadline:
            raise ConvergenceError(f"waited {limit:g} s for {what}; last seen: {cut(seen, _SEEN)}")
        if tell is not None and clock.monotonic() >= next_word:
            tell(f"waiting for {what}: {seen}")
            next_word = clock.monotonic() + SAY_EVERY
        clock.sleep(pause)
        pause = min(pause * 1.3, every * 10)


def until_stopped(clock: Clock, look: Callable[[], tuple[T | None, str]]) -> Callable[[], tuple[T | None, str]]:
    """Return a look that ends the wait once the operator asked to stop, for waits that nothing follows."""

    def looked() -> tuple[T | None, str]:
        result, seen = look()
        if result is None and clock.stopping:
            raise StoppedError(f"stopped waiting because you asked to stop; last seen: {seen}")
        return result, seen

    return looked
