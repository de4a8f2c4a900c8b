"""Run the same work on many hosts in parallel; a host that fails does not stop the others."""

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
"""Hosts that are worked on at the same time. The session itself limits how many connections start at once."""


HOST_LIMIT = 1200.0
"""Seconds of real time for the work on one host. Each step has its own limit; this one ends whatever is left."""
_BUG = "this is a bug in swarmnet: run the command again with -v and report the output"


@dataclass(frozen=True, slots=True)
class _Stop:
    """An error that no host caused; raised in the caller's thread."""

    error: BaseException


@dataclass(slots=True)
class _Crew(Generic[T]):
    """Threads that take hosts from a queue. They are daemons: one that hangs in a name look-up delays no exit."""

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
        """Wait for the next host whose work ends or exceeds its limit."""
        while True:
            running = {host: since for host, since in self.begun.copy().items() if host not in done}
            oldest = min(running, key=running.__getitem__, default=None)
            # If none has begun, look again soon: the threads are about to begin.
            left = 0.1 if oldest is None else running[oldest] + limit - time.monotonic()
            try:
                host, ended = self.ended.get(timeout=max(0.0, left))
            except queue.Empty:
                if oldest is None:
                    continue
                self.start(1)  # replaces the thread that hangs
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
        except Exception as error:  # noqa: BLE001 - a surprise on one host must not end the run on all others
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
    """Return the result of the work on each host, or the ``HostError`` that ended it, in the order of the hosts.

    An unknown error becomes that host's ``UnexpectedError``. An error that no host caused, such as wrong usage, is
    raised once all hosts are done; the first one wins. Ctrl-C is raised at once: no further host begins, and closing
    the session ends running work.

    Args:
        hosts: names; duplicates are ignored.
        work: is called with a host's name, in its own thread.
        at_once: hosts that are worked on at the same time.
        listener: gets each failure as soon as it happens.
        limit: seconds for one host from the begin of its work; after that, the host counts as failed.
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


class Begun(Generic[T]):
    """Work that goes on in a thread of its own while its caller does something else; the thread delays no exit."""

    def __init__(self, work: Callable[[], T]) -> None:
        """Begin it."""
        self._ended: queue.SimpleQueue[tuple[T] | BaseException] = queue.SimpleQueue()
        threading.Thread(target=self._do, args=(work,), name="begun", daemon=True).start()

    def result(self) -> T:
        """Wait for its end and return what it gave; raises what it raised. Call it once."""
        ended = self._ended.get()
        if isinstance(ended, BaseException):
            raise ended
        return ended[0]

    def _do(self, work: Callable[[], T]) -> None:
        try:
            self._ended.put((work(),))
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
            self._ended.put(error)


def bugs_to(listener: Listener) -> Listener:
    """Return a listener that gets unknown errors only, for callers that treat failures as answers."""

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
