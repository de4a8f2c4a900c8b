"""paramiko's SFTP client, which reads ahead a bounded part of a file.

paramiko's own ``prefetch`` takes itself for done when its answers come faster than it asks (paramiko#2519): it asks for
every part again, one by one, and keeps the whole file in memory.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.sftp import CMD_DATA, CMD_READ, CMD_STATUS, SFTPError, int64

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.sealed import Sink

REQUEST = 32 * 1024
"""Bytes of a request; every server answers so many."""
AHEAD = 64
"""Requests that are under way at most, as OpenSSH's own client has them: 2 MiB that may be in memory."""


class SftpClient(paramiko.SFTPClient):
    """A client that can give a file of any size to a sink."""

    # What is used of paramiko's inside; its type stubs leave these out.
    _async_request: Callable[..., int]
    _read_response: Callable[[], object]
    _convert_status: Callable[[paramiko.Message], None]

    def pour(self, path: str, sink: Sink) -> None:
        """Give all of a file to ``sink``, part by part, in order; raises ``FileNotFoundError`` when there is none."""
        with self.open(path, "rb") as file:
            answers = _Answers()

            def ask(offset: int, length: int) -> tuple[int, int, int]:
                return self._async_request(answers, CMD_READ, file.handle, int64(offset), length), offset, length

            size = file.stat().st_size or 0
            parts = iter([(at, min(REQUEST, size - at)) for at in range(0, size, REQUEST)])
            asked = deque(ask(*part) for part in islice(parts, AHEAD))
            while asked:
                number, offset, length = asked.popleft()
                data = self._data(answers, number)
                if not data:  # the file is shorter than it was
                    return
                sink(data)
                if len(data) < length:  # servers may give less than asked for
                    asked.appendleft(ask(offset + len(data), length - len(data)))
                elif (part := next(parts, None)) is not None:
                    asked.append(ask(*part))

    def _data(self, answers: _Answers, number: int) -> bytes:
        """Return the answer to one request, nothing at the end of the file; others that come before it are kept."""
        while number not in answers.kept:
            self._read_response()
        kind, message = answers.kept.pop(number)
        if kind == CMD_STATUS:
            try:
                self._convert_status(message)
            except EOFError:
                return b""
        if kind != CMD_DATA:
            raise SFTPError("expected data")
        data: bytes = message.get_string()
        return data


class _Answers:
    """Answers that came, by the number of their request."""

    def __init__(self) -> None:
        self.kept: dict[int, tuple[int, Any]] = {}

    def _async_response(self, kind: int, message: paramiko.Message, number: int) -> None:
        """Keep an answer; paramiko's client calls it."""
        self.kept[number] = (kind, message)
