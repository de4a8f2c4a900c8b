"""Time as an argument, and the one way to wait for something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from swarmnet.errors import ConvergenceError, StoppedError, cut

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")

SAY_AFTER = 3.0
"""Seconds of waiting after which it is told what is waited for."""
SAY_EVERY = 10.0
_SEEN = 800
"""Characters of what was seen last."""


class Clock(Protocol):
    """Where the time comes from, and how much of it the operator gives one wait."""

    patience: float | None
    """Seconds that one wait may take, in the place of the wait's own limit; None leaves each its own."""

    @property
    def stopping(self) -> bool:
        """True from the moment on in which the operator asked to stop."""

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
    """Look again and again until there is a result; pauses grow from ``every`` to ten times that.

    Args:
        clock: where the time comes from.
        look: returns the result, or None with a sentence on what was seen instead.
        what: what is waited for, for the error: "network front to be allocated".
        timeout: seconds, unless the clock has a ``patience``.
        every: seconds of the first pause.
        tell: is told what is waited for, and what was seen last, after three seconds and then every ten.

    Raises:
        ConvergenceError: the time ran out; says the last thing seen.
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
    """Return a look that ends the wait once the operator asked to stop, for waits after which nothing is to do."""

    def looked() -> tuple[T | None, str]:
        result, seen = look()
        if result is None and clock.stopping:
            raise StoppedError(f"not awaited, as you asked to stop; last seen: {seen}")
        return result, seen

    return looked
