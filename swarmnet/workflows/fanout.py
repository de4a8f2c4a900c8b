"""The same work on many hosts at the same time; a host that fails does not stop the others."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from swarmnet.errors import HostError
from swarmnet.model.ports import HostFailed, tell_nobody

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from swarmnet.model.ports import Listener

T = TypeVar("T")

AT_ONCE = 32
"""Hosts that are worked on at the same time. Starts of connections are bounded by the session itself."""


@dataclass(frozen=True, slots=True)
class _Bug:
    """An error that is not the host's; raised in the caller's thread."""

    error: BaseException


@dataclass(slots=True)
class _Crew(Generic[T]):
    """Threads that take hosts from a queue. They are daemons: one that hangs in a name look-up holds up no exit."""

    work: Callable[[str], T]
    waiting: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    ended: queue.SimpleQueue[tuple[str, T | HostError | _Bug]] = field(default_factory=queue.SimpleQueue)
    stopped: bool = False

    def start(self, threads: int) -> None:
        for number in range(threads):
            threading.Thread(target=self._serve, name=f"host-{number}", daemon=True).start()

    def _serve(self) -> None:
        while not self.stopped:
            try:
                host = self.waiting.get_nowait()
            except queue.Empty:
                return
            self.ended.put((host, self._attempt(host)))

    def _attempt(self, host: str) -> T | HostError | _Bug:
        try:
            return self.work(host)
        except HostError as error:
            return error
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
            return _Bug(error)


def fan_out(
    hosts: Iterable[str], work: Callable[[str], T], *, at_once: int = AT_ONCE, listener: Listener = tell_nobody
) -> dict[str, T | HostError]:
    """Return what the work gave for each host, or the ``HostError`` that it ended with, in the order of the hosts.

    Other errors are bugs or the operator's, not a host's: the first one is raised when all hosts are done. Ctrl-C is
    raised at once: no further host is begun, and closing the session ends the work that is under way.

    Args:
        hosts: names; each is worked on once.
        work: is called with a host's name, in a thread of its own.
        at_once: hosts that are worked on at the same time.
        listener: is told of each host that failed, as soon as it does.
    """
    names = tuple(dict.fromkeys(hosts))
    crew = _Crew(work)
    for name in names:
        crew.waiting.put(name)
    done: dict[str, T | HostError | _Bug] = {}
    try:
        crew.start(min(at_once, len(names)))
        while len(done) < len(names):
            host, ended = crew.ended.get()
            done[host] = ended
            if isinstance(ended, HostError):
                listener(HostFailed(host, ended.message))
    finally:
        crew.stopped = True
    return dict(_results(names, done))


def _results(names: Iterable[str], done: dict[str, T | HostError | _Bug]) -> Iterator[tuple[str, T | HostError]]:
    for name in names:
        ended = done[name]
        if isinstance(ended, _Bug):
            raise ended.error
        yield name, ended
