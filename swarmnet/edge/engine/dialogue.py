"""Talking with a program in a container over its stdin and stdout: no process to start for each question."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, cast

from swarmnet.edge.engine.calls import EngineCalls, quoted
from swarmnet.edge.engine.client import REQUEST_TIMEOUT, StreamSocket
from swarmnet.edge.engine.errors import message_in, refused, translated
from swarmnet.edge.engine.multiplex import Frames
from swarmnet.errors import EngineError, cut

if TYPE_CHECKING:
    import socket

_CHUNK = 64 * 1024
_REFUSALS_FROM = 300
"""An answer that points elsewhere is a refusal, too."""
_LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of one line that a program prints, and of what it says until there is one."""


class EngineDialogues(EngineCalls):
    """Attach to containers."""

    def dialogue(self, container_id: str) -> Dialogue:
        """Attach to a container that was started as ``interactive``; what it printed before is not heard."""
        what = f"talk with container {container_id[:12]}"
        with self.asking(what):
            path = f"/v{self._client().api_version}/containers/{quoted(container_id)}/attach"
            stream = StreamSocket(self._open_stream())
            try:
                stream.begin(self._api.timeout)
                answer = _switch(stream, f"{path}?stream=1&stdin=1&stdout=1&stderr=1")
            except BaseException:  # Ctrl-C, too: nothing else holds the stream yet
                stream.close()
                raise
        if answer.status >= _REFUSALS_FROM:
            with answer:
                stream.close()
                raise refused(self.host, what, answer.status, self._read(what, answer))
        return Dialogue(self.host, what, stream, answer)

    def _read(self, what: str, answer: http.client.HTTPResponse) -> str:
        with self.asking(what):
            return message_in(answer.read())


class Dialogue:
    """One attached program; implements ``DialoguePort``. One thread at a time may use it."""

    def __init__(self, host: str, what: str, stream: StreamSocket, answer: http.client.HTTPResponse) -> None:
        self._host = host
        self._what = what
        self._stream = stream
        self._answer = answer  # kept: it closes its reading side when the last reference to it goes
        self._frames = Frames(_LINE_LIMIT)

    def say(self, line: bytes) -> None:
        """Send one line; raises ``UnreachableError`` or ``HostTimeoutError``."""
        with translated(self._host, self._what):
            self._stream.begin(REQUEST_TIMEOUT)
            self._stream.sendall(line + b"\n")

    def hear(self, timeout: float) -> bytes:
        """Return the next line that the program prints, without its end.

        Raises:
            HostTimeoutError: none came within ``timeout`` seconds.
            EngineError: the program ended (names the last line on its stderr), or the output is not a line.
        """
        with translated(self._host, self._what):
            self._stream.begin(timeout, _LINE_LIMIT)
            while not self._frames.lines:
                data = self._answer.fp.read1(_CHUNK)
                if not data:
                    raise EngineError(self._host, f"{self._what}: it ended{self._last_words()}")
                self._frames.feed(data)
        return self._frames.take_line()

    def close(self) -> None:
        """Let go of the program, which goes on."""
        self._answer.close()
        self._stream.close()

    def _last_words(self) -> str:
        said = bytes(self._frames.stderr).decode(errors="replace").strip().splitlines()
        return f": {cut(said[-1])}" if said else ""


def _switch(stream: StreamSocket, path: str) -> http.client.HTTPResponse:
    """Ask the engine to hand the connection over to the container; the answer's ``fp`` is its reading side.

    docker-py digs the socket out of private parts of requests for this, and loses what those had read already.
    """
    head = f"POST {path} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    stream.sendall(head.encode())
    answer = http.client.HTTPResponse(cast("socket.socket", stream), method="POST")
    try:
        answer.begin()
    except http.client.HTTPException as error:
        answer.close()
        raise OSError(f"no answer to the request: {str(error) or type(error).__name__}") from error
    return answer
