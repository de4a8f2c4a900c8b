"""Keep a run going when the cluster's leader dies: every request goes to whichever manager answers.

When the leader dies, requests to it hang until the connection counts as dead, and the others have no leader for some
20 s (seen on 20.10 to 28.5: ``context deadline exceeded``, then all is well). Actions need not know: a request through
:class:`Failover` is repeated at the next manager. A change whose answer was lost (a network created, a config removed)
is looked for before it counts as failed, so nothing is created twice.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from swarmnet.errors import HostTimeoutError, NotAManagerError, UnreachableError
from swarmnet.model.clock import look_until
from swarmnet.model.events import Progress
from swarmnet.workflows.fleet.any_manager import AnyManager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from swarmnet.errors import HostError
    from swarmnet.model.base import JsonObject
    from swarmnet.model.clock import Clock
    from swarmnet.model.events import Listener
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.image_port import ImageFiles
    from swarmnet.model.operator_files import Archives, SecretFiles
    from swarmnet.model.ports import (
        Approach,
        EnginePort,
        InsidePort,
        Ports,
        ShellPort,
        SwarmPort,
    )

T = TypeVar("T")

LOST = (NotAManagerError, UnreachableError, HostTimeoutError)
"""How a manager's death and an election look from here."""
PATIENCE = 120.0
"""Seconds for another manager to answer; a silent leader is noticed after 20 to 30, an election takes some 10 more.

On a busy machine an election may need several rounds (seen: 71 s)."""
PAUSE = 0.5


class LeaderlessClock:
    """A clock that stops while no manager answers.

    A network gets its 30 s to be allocated while managers answer; an election does not count. Each loss stops the
    clock for at most ``PATIENCE`` seconds, so every wait still ends.
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
        """Return the wall clock's time, which never stops."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Return the seconds in which a manager answered for the cluster."""
        with self._lock:
            return (self._since if self._waiting else self._clock.monotonic()) - self._lost

    def sleep(self, seconds: float) -> None:
        """Wait this long, whether a manager answers or not."""
        self._clock.sleep(seconds)

    def stop(self) -> bool:
        """Stop the clock until ``go_on`` was called as often; return True to the first caller."""
        with self._lock:
            self._waiting += 1
            if self._waiting == 1:
                self._since = self._clock.monotonic()
            return self._waiting == 1

    def go_on(self) -> float | None:
        """Undo one ``stop``; return to the last caller for how many seconds the clock was stopped, else None."""
        with self._lock:
            self._waiting -= 1
            if self._waiting:
                return None
            stopped = self._clock.monotonic() - self._since
            self._lost += stopped
            return stopped


class Relayed:
    """The base of ``Ports`` that hand all through to others but the manager, which each chooses in its own way."""

    def __init__(self, ports: Ports, clock: Clock) -> None:
        self._ports = ports
        self.inventory: Inventory = ports.inventory
        self.clock = clock
        self.listener: Listener = ports.listener
        self.secret_files: SecretFiles = ports.secret_files
        self.archives: Archives = ports.archives
        self.image_files: ImageFiles = ports.image_files

    def engine(self, host: str) -> EnginePort:
        """Return the engine of this host only."""
        return self._ports.engine(host)

    def shell(self, host: str) -> ShellPort:
        """Return the shell of this host only."""
        return self._ports.shell(host)

    def approach(self, host: str) -> Approach:
        """Return how this machine reaches a host."""
        return self._ports.approach(host)

    def opens(self, host: str, port: int) -> bool | None:
        """Try a port from a host's jump host."""
        return self._ports.opens(host, port)

    def ask_from_here(self, job: JsonObject) -> JsonObject:
        """Run a job of the probe on this machine."""
        return self._ports.ask_from_here(job)

    def inside(self, network: str, *, image: str | None = None) -> AbstractContextManager[InsidePort]:
        """Return a context in which a program runs on a network."""
        return self._ports.inside(network, image=image)

    def close(self) -> None:
        """Close every connection."""
        self._ports.close()


class Failover(Relayed):
    """The ``Ports`` of a run whose ``manager()`` survives the loss of one manager. Threads may share it."""

    def __init__(
        self, ports: Ports, *, patience: float = PATIENCE, is_stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self._patience = patience
        self._clock = LeaderlessClock(ports.clock, is_stopping)
        super().__init__(ports, self._clock)
        self.stopwatch: Clock = ports.clock

    def manager(self) -> SwarmPort:
        """Return a manager that sends each request to whichever manager answers then."""
        return AnyManager(self)

    def ask(self, question: Callable[[SwarmPort], T]) -> T:
        """Ask a manager; if it is lost, ask the next, for up to ``PATIENCE`` seconds, and report the wait.

        The question may be asked several times; :class:`~swarmnet.workflows.fleet.any_manager.AnyManager` makes writes
        safe.

        Raises:
            NotAManagerError: no manager answered for the cluster in time; also ``UnreachableError`` or
                ``HostTimeoutError``, whichever came last.
        """
        try:
            return question(self._ports.manager())
        except LOST as error:
            with self._leaderless(error):
                return self._ask_again(question)

    def _ask_again(self, question: Callable[[SwarmPort], T]) -> T:
        clock = self._ports.clock

        def again() -> tuple[T] | HostError:
            try:
                return (question(self._ports.manager()),)
            except LOST as error:
                return error

        clock.sleep(PAUSE)
        found = look_until(clock, again, lambda one: isinstance(one, tuple), limit=self._patience, every=PAUSE)
        if isinstance(found, tuple):
            return found[0]
        raise found

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
            stopped = self._clock.go_on()
            if stopped is not None and answered:
                self.listener(Progress(f"a manager answers for the cluster again, after {stopped:.1f} s"))
