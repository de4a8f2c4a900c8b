"""Ask several hosts the same question and take the first answer, so that one hanging host does not block the run.

A manager without power answers nothing, and its connection counts as dead only after 20 to 30 s. A question that other
managers can answer as well need not wait so long.
"""

from __future__ import annotations

import math
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeVar

from swarmnet.errors import HostError
from swarmnet.model.clock import look_until
from swarmnet.model.events import Progress, reported_late

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from swarmnet.model.events import Listener

T = TypeVar("T")

SILENCE = 1.0
"""Seconds of real time, whatever a run's own clock says, after which a wait is reported and others are asked."""
SHOWN = 5
"""Hosts that are named; the others are counted."""
PAUSE = 0.5
"""Seconds before a host that could not answer (no leader yet) is asked again."""


def reported(listener: Listener, what: str) -> AbstractContextManager[None]:
    """Report once what the run waits for, if the block takes longer than a second."""
    return reported_late(listener, f"waiting for {what}", after=SILENCE)


@dataclass(slots=True)
class Silence:
    """Hosts that have not answered yet; names them once, if that takes longer than a second."""

    hosts: tuple[str, ...]
    _ended: set[str] = field(default_factory=set)

    @classmethod
    @contextmanager
    def reported(cls, listener: Listener, hosts: Iterable[str]) -> Iterator[Self]:
        """Watch the hosts that are asked in the block."""
        silence = cls(tuple(hosts))
        timer = threading.Timer(SILENCE, silence._tell, (listener,))
        timer.daemon = True
        timer.start()
        try:
            yield silence
        finally:
            timer.cancel()

    def ended(self, host: str) -> None:
        """Note that a host answered, or failed."""
        self._ended.add(host)

    def _tell(self, listener: Listener) -> None:
        waiting = [host for host in self.hosts if host not in self._ended]
        if waiting:
            more = f" and {len(waiting) - SHOWN} more" if len(waiting) > SHOWN else ""
            listener(Progress(f"waiting for {', '.join(waiting[:SHOWN])}{more} to answer"))


def first_answer(first: Callable[[], T], others: Sequence[Callable[[], T]], *, tell: Callable[[], None]) -> T:
    """Return the answer of the first or, if it is silent for a second, of whichever host answers before it.

    The others are asked repeatedly, and their errors do not count; the first one limits the wait.

    Args:
        first: the question to the host that usually answers it; ends within its own limit.
        others: the same question to hosts whose answer is as good.
        tell: is called before the others are asked.

    Raises:
        HostError: the first one failed before any other answered.
    """
    over = threading.Event()
    pool = ThreadPoolExecutor(1 + len(others), "swarmnet-ask")
    try:
        asked = [pool.submit(first)]
        if not wait(asked, SILENCE).done:
            tell()
            asked += [pool.submit(_insist, other, over) for other in others]
        ended = wait(asked, return_when=FIRST_COMPLETED).done
        return next((one for one in ended if one.exception() is None), asked[0]).result()
    finally:
        over.set()
        # A host that hangs is left alone; closing the session ends its thread.
        pool.shutdown(wait=False)


class _UntilOver:
    """Real time; a pause ends early once the question is answered."""

    def __init__(self, over: threading.Event) -> None:
        self._over = over

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self._over.wait(seconds)


def _insist(ask: Callable[[], T], over: threading.Event) -> T:
    def again() -> tuple[T] | HostError:
        try:
            return (ask(),)
        except HostError as error:
            return error

    def enough(found: tuple[T] | HostError) -> bool:
        return isinstance(found, tuple) or over.is_set()

    found = look_until(_UntilOver(over), again, enough, limit=math.inf, every=PAUSE)
    if isinstance(found, tuple):
        return found[0]
    raise found
