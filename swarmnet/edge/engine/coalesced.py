"""Share one answer between threads that ask the same at the same time: fifty waiting actions need one list."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Condition, get_ident
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.clock import Clock

T = TypeVar("T")

PAUSE = 0.1
"""Seconds between looks of different threads: what they wait for needs the engine's time, as every look does."""


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    value: T


class SharedLook(Generic[T]):
    """A read that threads share; each gets an answer to a question that was asked after it came, never an older one.

    One thread alone is answered at once, however often it asks.
    """

    def __init__(self, look: Callable[[], T], clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._changed = Condition()
        self._begun = 0
        self._ended = 0
        self._is_running = False
        self._last: _Answer[T] | BaseException | None = None
        self._last_leader = 0
        self._last_time = float("-inf")

    def __call__(self) -> T:
        """Return the result of the look, or raise its error, in every thread that shared it."""
        with self._changed:
            needed = self._begun + 1
            while self._ended < needed and self._is_running:
                self._changed.wait()
            leads = self._ended < needed
            if leads:
                self._is_running = True
            answer = self._last
        return self._lead() if leads else _value(answer)

    def _lead(self) -> T:
        answer: _Answer[T] | BaseException = AssertionError("a look ended without an answer")
        try:
            rest = self._last_time + PAUSE - self._clock.monotonic()
            if self._last_leader != get_ident() and rest > 0:
                self._clock.sleep(rest)
            with self._changed:
                # Threads that come until here share this look; later ones wait for the next.
                self._begun += 1
            self._last_leader, self._last_time = get_ident(), self._clock.monotonic()
            answer = _Answer(self._look())
        except BaseException as error:
            # Ctrl-C, too: the threads that share this look must learn that it ended, or they would wait forever.
            answer = error
            raise
        finally:
            with self._changed:
                self._last = answer
                self._ended = self._begun
                self._is_running = False
                self._changed.notify_all()
        return _value(answer)


def _value(answer: _Answer[T] | BaseException | None) -> T:
    if isinstance(answer, _Answer):
        return answer.value
    raise answer or AssertionError("a look ended without an answer")
