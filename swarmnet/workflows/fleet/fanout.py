"""The same work on many hosts at the same time; a host that fails does not stop the others."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from swarmnet.errors import HostError, HostTimeoutError, SwarmnetError, UnexpectedError
from swarmnet.model.border import describe
from swarmnet.model.events import HostFailed, ignore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from swarmnet.model.events import Event, Listener

T = TypeVar("T")

AT_ONCE = 32
"""Hosts that are worked on at the same time. Starts of connections are bounded by the session itself."""


HOST_LIMIT = 1200.0
"""Seconds of real time for the work on one host; each step of it has a limit of its own, this one ends what is left."""
_BUG = "this is a fault in swarmnet: run it again with -v and report what that shows"


@dataclass(frozen=True, slots=True)
class _Stop:
    """An error that is not the host's; raised in the caller's thread."""

    error: BaseException


@dataclass(slots=True)
class _Crew(Generic[T]):
    """Threads that take hosts from a queue. They are daemons: one that hangs in a name look-up holds up no exit."""

    work: Callable[[str], T]
    waiting: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    begun: dict[str, float] = field(default_factory=dict)
    """Host to the time at which its work began."""
    ended: queue.SimpleQueue[tuple[str, T | HostError | _Stop]] = field(default_factory=queue.SimpleQueue)
    stopped: bool = False

    def start(self, threads: int) -> None:
        for number in range(threads):
            threading.Thread(target=self._serve, name=f"host-{number}", daemon=True).start()

    def next_end(self, done: dict[str, T | HostError | _Stop], limit: float) -> tuple[str, T | HostError | _Stop]:
        """Wait for the next host whose work ends, or that has had its time."""
        while True:
            running = {host: since for host, since in self.begun.copy().items() if host not in done}
            oldest = min(running, key=running.__getitem__, default=None)
            # Where none has begun, look again soon: the threads are about to.
            left = 0.1 if oldest is None else running[oldest] + limit - time.monotonic()
            try:
                host, ended = self.ended.get(timeout=max(0.0, left))
            except queue.Empty:
                if oldest is None:
                    continue
                self.start(1)  # in the place of the thread that hangs
                return oldest, HostTimeoutError(oldest, f"the work there was not done after {limit:g} s")
            if host not in done:
                return host, ended

    def _serve(self) -> None:
        while not self.stopped:
            try:
                host = self.waiting.get_nowait()
            except queue.Empty:
                return
            self.begun[host] = time.monotonic()
            self.ended.put((host, self._attempt(host)))

    def _attempt(self, host: str) -> T | HostError | _Stop:
        try:
            return self.work(host)
        except HostError as error:
            return error
        except SwarmnetError as error:
            return _Stop(error)
        except Exception as error:  # noqa: BLE001 - what nobody expected of one host must not end the run for all
            return _unexpected(host, error)
        except BaseException as error:  # noqa: BLE001 - Ctrl-C: carried to the caller's thread and raised there
            return _Stop(error)


def _unexpected(host: str, error: Exception) -> UnexpectedError:
    failure = UnexpectedError(host, f"{type(error).__name__}: {describe(error)}", hint=_BUG)
    failure.__cause__ = error
    return failure


def fan_out(
    hosts: Iterable[str],
    work: Callable[[str], T],
    *,
    at_once: int = AT_ONCE,
    listener: Listener = ignore,
    limit: float = HOST_LIMIT,
) -> dict[str, T | HostError]:
    """Return what the work gave for each host, or the ``HostError`` that it ended with, in the order of the hosts.

    An error that swarmnet does not know is that host's ``UnexpectedError``. Errors of the operator's are nobody's: the
    first one is raised when all hosts are done. Ctrl-C is raised at once: no further host is begun, and closing the
    session ends the work that is under way.

    Args:
        hosts: names; each is worked on once.
        work: is called with a host's name, in a thread of its own.
        at_once: hosts that are worked on at the same time.
        listener: is told of each host that failed, as soon as it does.
        limit: seconds for one host, counted from when its work begins; then it counts as failed, and is left alone.
    """
    names = tuple(dict.fromkeys(hosts))
    crew = _Crew(work)
    for name in names:
        crew.waiting.put(name)
    done: dict[str, T | HostError | _Stop] = {}
    try:
        crew.start(min(at_once, len(names)))
        while len(done) < len(names):
            host, ended = crew.next_end(done, limit)
            done[host] = ended
            if isinstance(ended, HostError):
                listener(HostFailed(host, ended.message, ended))
    finally:
        crew.stopped = True
    return dict(_results(names, done))


def bugs_to(listener: Listener) -> Listener:
    """Return a listener that hears of unknown errors alone: where failures are answers, those are still to be told."""

    def tell(event: Event) -> None:
        if isinstance(event, HostFailed) and isinstance(event.error, UnexpectedError):
            listener(event)

    return tell


def _results(names: Iterable[str], done: dict[str, T | HostError | _Stop]) -> Iterator[tuple[str, T | HostError]]:
    for name in names:
        ended = done[name]
        if isinstance(ended, _Stop):
            raise ended.error
        yield name, ended
