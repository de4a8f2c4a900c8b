"""Requests from this machine to published ports, one after the other, until someone says stop.

A request is what a client with several addresses does: it asks the address that answered last, then the others. The
first request of a port shows what an answer is: words, where the program says any (all of HTTP), else a connection.
"""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.model.lose import Answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.lose import Door

EVERY = 0.05
"""Seconds between two requests to a port."""
PATIENCE = 1.0
"""Seconds that one address has for its answer."""
_GET = b"GET / HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n"


def ask(address: str, port: int, patience: float = PATIENCE) -> int | None:
    """Return how many bytes the first answer has; 0 for a connection on which nothing is said, None for none."""
    try:
        with socket.create_connection((address, port), timeout=patience) as stream:
            stream.settimeout(patience)
            stream.sendall(_GET % address.encode())
            try:
                return len(stream.recv(256))
            except TimeoutError:
                return 0
    except OSError:
        return None


@dataclass(slots=True)
class _Line:
    """The requests to one port."""

    door: Door
    ask: Callable[[str, int], int | None]
    monotonic: Callable[[], float]
    speaks: bool = False
    sent: int = 0
    failed: int = 0
    gap: float = 0.0
    good: float = 0.0
    order: list[str] = field(default_factory=list)

    def first(self) -> bool:
        """Return whether the port answers at all."""
        self.order = list(self.door.addresses)
        found = [(address, said) for address in self.order if (said := self.ask(address, self.door.port)) is not None]
        if not found:
            return False
        self.speaks = any(said for _address, said in found)
        best = next(address for address, said in found if bool(said) is self.speaks)
        self._prefer(best)
        self.good = self.monotonic()
        return True

    def request(self) -> None:
        """Ask once, and note how it went."""
        self.sent += 1
        for address in [*self.order]:
            said = self.ask(address, self.door.port)
            if said is not None and (said or not self.speaks):
                now = self.monotonic()
                if self.order[0] != address:
                    self._prefer(address)
                self.gap, self.good = max(self.gap, now - self.good), now
                return
        self.failed += 1

    def close(self) -> Answers:
        """Return what came of it; a port that is silent at the end has been so since its last answer."""
        gap = max(self.gap, self.monotonic() - self.good) if self.failed else self.gap
        return Answers(
            service=self.door.service, port=self.door.port, sent=self.sent, failed=self.failed, gap=round(gap, 3)
        )

    def _prefer(self, address: str) -> None:
        self.order = [address, *(other for other in self.order if other != address)]


class RequestCounter:
    """Asks several ports at the same time, a thread for each."""

    def __init__(
        self,
        ask: Callable[[str, int], int | None] = ask,
        monotonic: Callable[[], float] = time.monotonic,
        every: float = EVERY,
    ) -> None:
        self._ask, self._monotonic, self._every = ask, monotonic, every
        self._over = threading.Event()
        self._lines: list[_Line] = []
        self._threads: list[threading.Thread] = []

    def begin(self, doors: tuple[Door, ...]) -> tuple[Door, ...]:
        """Ask each port once, begin to ask those that answer, and return the others."""
        lines = [_Line(door, self._ask, self._monotonic) for door in doors]
        self._lines = [line for line in lines if line.first()]
        self._threads = [threading.Thread(target=self._run, args=(line,), daemon=True) for line in self._lines]
        for thread in self._threads:
            thread.start()
        return tuple(line.door for line in lines if line not in self._lines)

    def end(self) -> tuple[Answers, ...]:
        """Stop after the requests under way, and return what came of all."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        return tuple(line.close() for line in self._lines)

    def _run(self, line: _Line) -> None:
        while not self._over.is_set():
            line.request()
            self._over.wait(self._every)
