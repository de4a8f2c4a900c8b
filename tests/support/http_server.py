"""A server that speaks HTTP over socket pairs, as an engine would over channels, and does what a test tells it."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    Answer = bytes | Callable[[], Iterator[bytes]]
    """All of an answer, or what gives it piece by piece."""

HANG = b"hang"
"""Answers nothing and keeps the connection."""
HANG_UP = b"hang up"
"""Closes the connection instead of an answer."""


@dataclass(frozen=True)
class Heard:
    """One request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes
    stream: int


def say(body: str = "[]", *, status: int = 200, kind: str = "application/json", api: str = "1.45") -> bytes:
    """Return a whole answer."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nApi-Version: {api}\r\nContent-Length: {len(body.encode())}"
    return f"{head}\r\n\r\n{body}".encode()


@dataclass
class Talker:
    """Answers every request with ``answer``, or with what its line has in ``answers``; each list is used up."""

    answer: Answer = field(default_factory=say)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    hold: Event | None = None
    """Answers wait for it."""
    close_after: bool = False
    """Close each connection after its answer, without saying so before."""
    _ends: list[socket.socket] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    @property
    def opened(self) -> int:
        """Number of streams opened so far."""
        return len(self._ends)

    @property
    def lines(self) -> list[str]:
        return [request.line for request in self.heard]

    def open(self) -> socket.socket:
        """Return a stream to this server."""
        ours, theirs = socket.socketpair()
        with self._lock:
            self._ends.append(theirs)
            number = len(self._ends)
        Thread(target=self._serve, args=(theirs, number), daemon=True).start()
        return ours

    def hang_up(self) -> None:
        """Close all connections now."""
        for end in self._ends:
            _close(end)

    def _serve(self, end: socket.socket, number: int) -> None:
        try:
            with end.makefile("rb") as lines:
                while self._answer_one(end, lines.readline, lines.read, number):
                    pass
        except OSError:
            return
        _close(end)

    def _answer_one(
        self, end: socket.socket, readline: Callable[[], bytes], read: Callable[[int], bytes], number: int
    ) -> bool:
        line = readline().decode().strip()
        if not line:
            return False
        headers: dict[str, str] = {}
        while header := readline().decode().strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        body = read(int(headers.get("content-length", "0")))
        with self._lock:
            self.heard.append(Heard(line, headers, body, number))
            left = self.answers.get(line.rpartition(" ")[0], [])
            answer: Answer = left.pop(0) if left else self.answer
        if self.hold is not None:
            self.hold.wait(5)
        if answer is HANG_UP:
            return False
        if answer is not HANG:
            for part in (answer,) if isinstance(answer, bytes) else answer():
                end.sendall(part)
        return not self.close_after

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()


def _close(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The other side was first.
        return
    finally:
        end.close()
