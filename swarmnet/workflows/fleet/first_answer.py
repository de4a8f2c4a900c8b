"""Do not sit in silence before one that hangs: say what is waited for, and listen to whoever answers first.

A manager that lost its power answers nothing, and its connection is known to be dead only after 20 to 30 s. A question
that other managers can answer as well need not wait so long.
"""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeVar

from swarmnet.errors import HostError
from swarmnet.model.events import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from swarmnet.model.events import Listener

T = TypeVar("T")

SILENCE = 1.0
"""Seconds of real time, whatever a run's own clock says, after which a wait is told and others are asked."""
SHOWN = 5
"""Hosts that are named; the rest is counted."""
PAUSE = 0.5
"""Seconds before one that could not answer (no leader yet) is asked once more."""


@contextmanager
def told(listener: Listener, what: str) -> Iterator[None]:
    """Tell once what is waited for, if the block takes longer than a second."""
    timer = threading.Timer(SILENCE, listener, (Progress(f"waiting for {what}"),))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@dataclass(slots=True)
class Silence:
    """Hosts that have not answered yet; says once who they are, when that takes longer than a second."""

    hosts: tuple[str, ...]
    _ended: set[str] = field(default_factory=set)

    @classmethod
    @contextmanager
    def told(cls, listener: Listener, hosts: Iterable[str]) -> Iterator[Self]:
        """Watch over hosts that are asked in the block."""
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
    """Return the answer of the first that was asked or, when it is silent for a second, of whoever answers before it.

    The others are asked again and again, and what they cannot answer does not count; the first one bounds the wait.

    Args:
        first: the question to whom it is asked as a rule; ends within its own limit.
        others: the same question to those whose answer is as good.
        tell: is called before the others are asked.

    Raises:
        HostError: the first one failed, and no other had answered by then.
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
        # Who hangs is left alone; closing the session ends it.
        pool.shutdown(wait=False)


def _insist(ask: Callable[[], T], over: threading.Event) -> T:
    while True:
        try:
            return ask()
        except HostError:
            if over.wait(PAUSE):
                raise
