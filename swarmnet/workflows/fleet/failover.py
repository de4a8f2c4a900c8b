"""A cluster that outlives its leader: whoever asks for the manager is answered by whichever manager there is.

When the leader dies, requests to it hang until the connection is known to be dead, and the others have no leader for
some 20 s (seen on 20.10 to 28.5: ``context deadline exceeded``, then all is well). Actions need not know: what they
ask through :class:`Failover` is asked again of the next manager. What may have happened though its answer was lost
(a network made, a config removed) is looked for before it counts as failed, so nothing is made twice.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from swarmnet.errors import HostTimeoutError, NotAManagerError, UnreachableError
from swarmnet.model.events import Progress
from swarmnet.workflows.fleet.any_manager import AnyManager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from swarmnet.errors import HostError
    from swarmnet.model.base import JsonObject
    from swarmnet.model.clock import Clock
    from swarmnet.model.events import Listener
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.ports import Approach, EnginePort, Ports, SecretFiles, ShellPort, SwarmPort

T = TypeVar("T")

LOST = (NotAManagerError, UnreachableError, HostTimeoutError)
"""What a manager's death looks like from here, and an election."""
PATIENCE = 60.0
"""Seconds for another manager to answer; a silent leader is noticed after 20 to 30, an election takes some 10 more."""
PAUSE = 0.5


class LeaderlessClock:
    """A clock that stands still while no manager answers.

    A network gets its 30 s to be allocated from managers that are there; an election is not its fault. The time that
    passed so is limited for each loss by ``PATIENCE``, so every wait still ends.
    """

    def __init__(self, clock: Clock, is_stopping: Callable[[], bool]) -> None:
        self._clock = clock
        self._is_stopping = is_stopping
        self.patience = clock.patience
        self._lock = threading.Lock()
        self._waiting = 0
        self._since = 0.0
        self._lost = 0.0

    @property
    def stopping(self) -> bool:
        """True from the moment on in which the operator asked to stop."""
        return self._is_stopping()

    def now(self) -> datetime:
        """Return the wall clock's time: that one never stands still."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Return the seconds in which somebody answered for the cluster."""
        with self._lock:
            return (self._since if self._waiting else self._clock.monotonic()) - self._lost

    def sleep(self, seconds: float) -> None:
        """Wait; sleeping is not shortened."""
        self._clock.sleep(seconds)

    def stop(self) -> bool:
        """Stand still until ``go_on`` was called as often; return True to the first that asks."""
        with self._lock:
            self._waiting += 1
            if self._waiting == 1:
                self._since = self._clock.monotonic()
            return self._waiting == 1

    def go_on(self) -> float | None:
        """Undo one ``stop``; return to the last that does for how many seconds the clock stood still."""
        with self._lock:
            self._waiting -= 1
            if self._waiting:
                return None
            stood = self._clock.monotonic() - self._since
            self._lost += stood
            return stood


class Failover:
    """The ``Ports`` of a run whose ``manager()`` does not go away with one manager. Threads may share it."""

    def __init__(
        self, ports: Ports, *, patience: float = PATIENCE, is_stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self._ports = ports
        self._patience = patience
        self._clock = LeaderlessClock(ports.clock, is_stopping)
        self.inventory: Inventory = ports.inventory
        self.clock: Clock = self._clock
        self.stopwatch: Clock = ports.clock
        self.listener: Listener = ports.listener
        self.secret_files: SecretFiles = ports.secret_files

    def engine(self, host: str) -> EnginePort:
        """Return the engine of that one host; it is not replaced by another."""
        return self._ports.engine(host)

    def shell(self, host: str) -> ShellPort:
        """Return the shell of that one host."""
        return self._ports.shell(host)

    def manager(self) -> SwarmPort:
        """Return whichever manager answers at the time of each request."""
        return AnyManager(self)

    def approach(self, host: str) -> Approach:
        """Return how this machine comes to a host."""
        return self._ports.approach(host)

    def ask_from_here(self, job: JsonObject) -> JsonObject:
        """Do a job of the probe's on this machine."""
        return self._ports.ask_from_here(job)

    def close(self) -> None:
        """Close every connection."""
        self._ports.close()

    def ask(self, question: Callable[[SwarmPort], T]) -> T:
        """Ask a manager; when it is lost ask the next, for up to ``PATIENCE`` seconds, and tell that it takes time.

        The question may be asked several times; :class:`~swarmnet.workflows.fleet.any_manager.AnyManager` makes writes
        safe.

        Raises:
            NotAManagerError: nobody answered for the cluster in time; ``UnreachableError`` and ``HostTimeoutError``
                likewise. It is the last one that was met.
        """
        try:
            return question(self._ports.manager())
        except LOST as error:
            with self._leaderless(error):
                return self._ask_again(question, error)

    def _ask_again(self, question: Callable[[SwarmPort], T], error: HostError) -> T:
        clock, told = self._ports.clock, error
        deadline = clock.monotonic() + self._patience
        while clock.monotonic() < deadline:
            clock.sleep(PAUSE)
            try:
                return question(self._ports.manager())
            except LOST as again:
                told = again
        raise told

    @contextmanager
    def _leaderless(self, error: HostError) -> Iterator[None]:
        if self._clock.stop():
            what = f"a manager was lost ({error}): waiting up to {self._patience:.0f} s for another to answer"
            self.listener(Progress(what))
        answered = False
        try:
            yield
            answered = True
        finally:
            stood = self._clock.go_on()
            if stood is not None and answered:
                self.listener(Progress(f"a manager answers for the cluster again, after {stood:.1f} s"))
