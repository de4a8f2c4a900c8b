"""docker-py over streams that the caller opens: a few keep-alive connections to one engine.

docker-py's own ``ssh://`` logs in by itself and starts a process for every distinct URL; here the streams are channels
of the one SSH connection that a host has. Nothing of this machine's environment leaks in: no ``DOCKER_HOST``, no
proxies, no credentials of ``~/.docker/config.json``.
"""

from __future__ import annotations

import io
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

import requests
import urllib3
from docker import APIClient
from docker.auth import AuthConfig
from docker.utils.proxy import ProxyConfig
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ReadTimeoutError

from swarmnet.model.version import OLDEST_API, ApiVersion

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from _typeshed import WriteableBuffer

NEWEST_API = ApiVersion(1, 55)
"""Engine 29: the newest of which each change is known here (moby, ``api/docs/CHANGELOG.md``). Tests run up to 1.51."""
CONNECTIONS = 4
"""Most connections to one engine; sshd's default is 10 sessions a connection, and commands need some."""
WAIT_FOR_CONNECTION = 60.0
"""Seconds that a request waits for one of them to be free."""
REQUEST_TIMEOUT = 60
"""Seconds for one request as a whole: a byte now and then does not prolong it."""
ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of one answer, its head included."""
_CHUNK = 32 * 1024
_REDIRECTS_FROM = 300
_ERRORS_FROM = 400
_NOT_MODIFIED = 304
"""The answer to the start of a running container: the only status from 300 to 399 that is not a redirect."""
PING_TIMEOUT = 15
"""Seconds for an engine's first answer: the answer needs no look-up, so a silent engine is frozen or gone."""


class StreamLike(Protocol):
    """A connection to the engine: what of a socket an HTTP client needs."""

    def recv(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, none at the end; raises ``TimeoutError`` or ``OSError``."""

    def sendall(self, data: bytes, /) -> None:
        """Send all of it; raises ``TimeoutError`` or ``OSError``."""

    def settimeout(self, seconds: float | None, /) -> None:
        """Limit each following wait."""

    def close(self) -> None:
        """End it; may be called twice."""


class VersionError(Exception):
    """The engine speaks no version of the API that swarmnet speaks."""


class AnswerError(Exception):
    """The engine's answer is none that swarmnet takes: it is too long, encoded, or points elsewhere."""


class StreamSocket:
    """A stream with the rest of what ``http.client`` asks of a socket, and a limit for all that is asked by it.

    :meth:`begin` gives the next request its time and its bytes; heads, trickles and chunks all count.

    As with real sockets, the stream is closed when the socket and all files made from it are closed:
    ``http.client`` closes the socket first and reads the answer's body afterwards.
    """

    def __init__(self, stream: StreamLike) -> None:
        self._stream = stream
        self._users = 1
        self._silence: float | None = None
        self._deadline = float("inf")
        self._room = ANSWER_LIMIT

    def begin(self, seconds: float | None, size: int = ANSWER_LIMIT) -> None:
        """Allow ``seconds`` and ``size`` bytes for all that follows, until the next call."""
        self._deadline = float("inf") if seconds is None else time.monotonic() + seconds
        self._room = size

    def recv(self, size: int) -> bytes:
        """Return up to ``size`` bytes; raises ``TimeoutError`` or, when it is too much, ``AnswerError``."""
        self._stream.settimeout(self._left())
        data = self._stream.recv(size)
        self._room -= len(data)
        if self._room < 0:
            raise AnswerError("it is too long")
        return data

    def sendall(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of it.

        Raises:
            BrokenPipeError: the other side reads no more. urllib3 then reads the answer all the same: an engine whose
                disk is full answers in the middle of an upload.
        """
        view = memoryview(data)
        for start in range(0, len(view), _CHUNK):
            self._stream.settimeout(self._left())
            try:
                self._stream.sendall(bytes(view[start : start + _CHUNK]))
            except TimeoutError:
                raise
            except OSError as error:
                raise BrokenPipeError(str(error)) from error

    def settimeout(self, seconds: float | None) -> None:
        """Limit each following wait, in seconds."""
        self._silence = seconds

    def _left(self) -> float | None:
        """Return the seconds that the next wait may take; raises ``TimeoutError`` when there are none."""
        left = min(float("inf") if self._silence is None else self._silence, self._deadline - time.monotonic())
        if left <= 0:
            raise TimeoutError
        return None if left == float("inf") else left

    def makefile(self, _mode: str, _buffering: int | None = None) -> io.BufferedReader:
        """Return a file that reads the stream."""
        self._users += 1
        return io.BufferedReader(_StreamFile(self), _CHUNK)

    def close(self) -> None:
        """Give up one use; the last one closes the stream."""
        self._users -= 1
        if self._users == 0:
            self._stream.close()

    def is_quiet(self) -> bool:
        """Return whether an idle stream is still open: there is nothing to read, not even its end."""
        self._stream.settimeout(0.0)
        try:
            self._stream.recv(1)
        except (TimeoutError, BlockingIOError):
            return True
        except OSError:
            return False
        return False


class _StreamFile(io.RawIOBase):
    """The reading side of a stream as a raw file."""

    def __init__(self, stream: StreamSocket) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        data = self._stream.recv(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._stream.close()


class _Connection(HTTPConnection):
    """An HTTP connection over a stream."""

    def __init__(self, open_stream: Callable[[], StreamLike]) -> None:
        super().__init__("docker")
        self._open_stream = open_stream

    def connect(self) -> None:
        stream = StreamSocket(self._open_stream())
        stream.begin(self.timeout)
        self.sock = cast("socket.socket", stream)  # http.client uses no more of a socket than this has

    def request(self, *words: Any, **more: Any) -> None:  # noqa: ANN401  # as the base class has it
        """Send a request; its time limit, answer included, starts now."""
        if isinstance(self.sock, StreamSocket):
            self.sock.begin(self.timeout)
        super().request(*words, **more)

    @property
    def is_connected(self) -> bool:
        """Return whether the next request can be sent; on a dead stream it would be unknown whether one arrived."""
        return isinstance(self.sock, StreamSocket) and self.sock.is_quiet()


class _Pool(urllib3.HTTPConnectionPool):
    """A bounded number of connections to one engine; a request waits for a free one."""

    def __init__(self, open_stream: Callable[[], StreamLike]) -> None:
        super().__init__("docker", maxsize=CONNECTIONS, block=True)
        self._open_stream = open_stream

    def _new_conn(self) -> _Connection:
        return _Connection(self._open_stream)

    def _get_conn(self, timeout: float | None = None) -> Any:  # noqa: ANN401  # urllib3's own type is private
        return super()._get_conn(timeout or WAIT_FOR_CONNECTION)


class _OnceMore(urllib3.Retry):
    """One more try for reads whose connection died; never for writes, and never after a time-out."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401  # urllib3 copies retries by their settings
        super().__init__(
            **{
                "total": 1,
                "connect": 0,
                "read": 1,
                "redirect": 0,
                "status": 0,
                "other": 0,
                "allowed_methods": ("GET", "HEAD"),
                "raise_on_status": False,
                "raise_on_redirect": False,
                **settings,
            }
        )

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,  # noqa: ANN401
        error: Exception | None = None,
        _pool: Any = None,  # noqa: ANN401
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)


class _Adapter(HTTPAdapter):
    """Sends every request of a session to one pool."""

    def __init__(self, open_stream: Callable[[], StreamLike]) -> None:
        self._pool = _Pool(open_stream)
        super().__init__(max_retries=_OnceMore())

    def send(self, request: requests.PreparedRequest, *words: Any, **more: Any) -> requests.Response:  # noqa: ANN401
        """Send a request; raises ``AnswerError`` for an answer that is encoded, or that points elsewhere."""
        answer = super().send(request, *words, **more)
        coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
        if _REDIRECTS_FROM <= answer.status_code < _ERRORS_FROM and answer.status_code != _NOT_MODIFIED:
            answer.close()
            raise AnswerError(f"it points elsewhere (status {answer.status_code})")
        if coding != "identity":
            answer.close()
            raise AnswerError(f"it is encoded as {coding[:20]!r}, which was not asked for")
        return answer

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,  # noqa: ARG002
        verify: bool | str | None,  # noqa: ARG002, FBT001
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
        cert: Any = None,  # noqa: ANN401, ARG002
    ) -> Any:  # noqa: ANN401
        return self._pool

    def request_url(self, request: requests.PreparedRequest, _proxies: Mapping[str, str] | None) -> str:
        return request.path_url

    def close(self) -> None:
        self._pool.close()
        super().close()


class EngineClient(APIClient):
    """docker-py's client for one engine, over streams; opens none before the first request. Threads may share it.

    ``APIClient.__init__`` is left out on purpose: it reads the environment and the user's configuration.
    """

    def __init__(self, open_stream: Callable[[], StreamLike]) -> None:
        requests.Session.__init__(self)
        self.trust_env = False
        self.base_url = "http+docker://engine"
        self.timeout = REQUEST_TIMEOUT
        self.credstore_env = None
        self._general_configs: dict[str, Any] = {}
        self._proxy_configs = ProxyConfig()
        self._auth_configs = AuthConfig({})
        self._version = ""
        self._negotiation = Lock()
        self._negotiated = 0
        self._silence: Exception | None = None
        self.headers.clear()
        self.headers["User-Agent"] = "swarmnet"
        self.adapters.clear()
        self.mount("http+docker://", _Adapter(open_stream))

    def negotiate(self) -> str:
        """Return the version of the API to speak: the newest that both sides know. Asks the engine once.

        Raises:
            VersionError: the engine is too old, or does not say.
        """
        ended = self._negotiated
        with self._negotiation:
            if self._silence is not None and self._negotiated > ended:
                raise self._silence  # a request that waited for another one's question does not wait for the same again
            if not self._version:
                self._version = self._ask_version()
            return self._version

    def _ask_version(self) -> str:
        self._silence = None
        try:
            answer = self.get(f"{self.base_url}/_ping", timeout=min(self.timeout, PING_TIMEOUT))
        except Exception as error:
            self._silence = error
            raise
        finally:
            self._negotiated += 1
        answer.raise_for_status()
        return _common(answer.headers.get("Api-Version", ""))


def _common(served: str) -> str:
    try:
        version = ApiVersion.parse(served)
    except ValueError as error:
        raise VersionError(f"the engine names no API version: {error}") from error
    if version < OLDEST_API:
        raise VersionError(f"the engine speaks API {served}; swarmnet needs {OLDEST_API} (engine 20.10) or newer")
    return str(min(version, NEWEST_API))
