"""Talking with a program in a container over its stdin and stdout: no process to start for each question."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, cast

from swarmnet.edge.engine_calls import EngineCalls, message_in, quoted
from swarmnet.edge.engine_errors import refused, translated
from swarmnet.edge.multiplex import Frames
from swarmnet.edge.transport import REQUEST_TIMEOUT, StreamSocket
from swarmnet.errors import EngineError

if TYPE_CHECKING:
    import socket

    from swarmnet.model.clock import Clock

_CHUNK = 64 * 1024
_REFUSALS_FROM = 400


class EngineDialogues(EngineCalls):
    """Attach to containers."""

    def dialogue(self, container_id: str) -> Dialogue:
        """Attach to a container that was started as ``interactive``; what it printed before is not heard."""
        what = f"talk with container {container_id[:12]}"
        with self._asking(what):
            path = f"/v{self._client().api_version}/containers/{quoted(container_id)}/attach"
            stream = StreamSocket(self._open_stream())
            try:
                answer = _switch(stream, f"{path}?stream=1&stdin=1&stdout=1&stderr=1")
            except BaseException:  # Ctrl-C, too: nobody else holds the stream yet
                stream.close()
                raise
        if answer.status >= _REFUSALS_FROM:
            with answer:
                stream.close()
                raise refused(self.host, what, answer.status, message_in(answer.read()))
        return Dialogue(self.host, what, stream, answer, self._clock)


class Dialogue:
    """One attached program; implements ``DialoguePort``. One thread at a time may use it."""

    def __init__(
        self, host: str, what: str, stream: StreamSocket, answer: http.client.HTTPResponse, clock: Clock
    ) -> None:
        self._host = host
        self._what = what
        self._stream = stream
        self._answer = answer  # kept: it closes its reading side when nobody holds it any more
        self._clock = clock
        self._frames = Frames()

    def say(self, line: bytes) -> None:
        """Send one line; raises ``UnreachableError`` or ``HostTimeoutError``."""
        with translated(self._host, self._what):
            self._stream.settimeout(REQUEST_TIMEOUT)
            self._stream.sendall(line + b"\n")

    def hear(self, timeout: float) -> bytes:
        """Return the next line that the program prints, without its end.

        Raises:
            HostTimeoutError: none came within ``timeout`` seconds.
            EngineError: the program ended; says the last that it printed on stderr.
        """
        deadline = self._clock.monotonic() + timeout
        with translated(self._host, self._what):
            while b"\n" not in self._frames.stdout:
                left = deadline - self._clock.monotonic()
                if left <= 0:
                    raise TimeoutError
                self._stream.settimeout(left)
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
        return f": {said[-1]}" if said else ""


def _switch(stream: StreamSocket, path: str) -> http.client.HTTPResponse:
    """Ask the engine to hand the connection over to the container; the answer's ``fp`` is its reading side.

    docker-py digs the socket out of private parts of requests for this, and loses what those had read already.
    """
    stream.settimeout(REQUEST_TIMEOUT)
    head = f"POST {path} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    stream.sendall(head.encode())
    answer = http.client.HTTPResponse(cast("socket.socket", stream), method="POST")
    try:
        answer.begin()
    except http.client.HTTPException as error:
        answer.close()
        raise OSError(f"no answer to the request: {str(error) or type(error).__name__}") from error
    return answer
