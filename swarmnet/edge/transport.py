"""docker-py over streams that somebody else opens: a few keep-alive connections to one engine.

docker-py's own ``ssh://`` logs in by itself and starts a process for every distinct URL; here the streams are channels
of the one SSH connection that a host has. Nothing of this machine's environment leaks in: no ``DOCKER_HOST``, no
proxies, no credentials of ``~/.docker/config.json``.
"""

from __future__ import annotations

import io
import re
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

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from _typeshed import WriteableBuffer

OLDEST_API = (1, 41)
"""Engine 20.10."""
NEWEST_API = (1, 51)
"""Engine 28.5: the newest whose fields swarmnet knows."""
CONNECTIONS = 4
"""Most connections to one engine; sshd's default is 10 sessions a connection, and commands need some."""
WAIT_FOR_CONNECTION = 60.0
"""Seconds that a request waits for one of them to be free."""
REQUEST_TIMEOUT = 60
"""Seconds without a byte from the engine."""


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


class StreamSocket:
    """A stream with the rest of what ``http.client`` asks of a socket.

    As with real sockets, the stream is closed when the socket and all files made from it are closed:
    ``http.client`` closes the socket first and reads the answer's body afterwards.
    """

    def __init__(self, stream: StreamLike) -> None:
        self._stream = stream
        self._users = 1

    def sendall(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of it."""
        self._stream.sendall(bytes(data))

    def settimeout(self, seconds: float | None) -> None:
        """Limit each following wait, in seconds."""
        self._stream.settimeout(seconds)

    def makefile(self, _mode: str, _buffering: int | None = None) -> io.BufferedReader:
        """Return a file that reads the stream."""
        self._users += 1
        return io.BufferedReader(_StreamFile(self._stream, self.close), 32 * 1024)

    def close(self) -> None:
        """Give up one use; the last one closes the stream."""
        self._users -= 1
        if self._users == 0:
            self._stream.close()

    def is_quiet(self) -> bool:
        """Tell whether an idle stream is still open: nothing to read, not even its end."""
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

    def __init__(self, stream: StreamLike, on_close: Callable[[], None]) -> None:
        self._stream = stream
        self._on_close = on_close

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
            self._on_close()


class _Connection(HTTPConnection):
    """An HTTP connection over a stream."""

    def __init__(self, open_stream: Callable[[], StreamLike]) -> None:
        super().__init__("docker")
        self._open_stream = open_stream

    def connect(self) -> None:
        stream = StreamSocket(self._open_stream())
        stream.settimeout(self.timeout if isinstance(self.timeout, (int, float)) else None)
        self.sock = cast("socket.socket", stream)  # http.client uses no more of a socket than this has

    @property
    def is_connected(self) -> bool:
        """Tell whether the next request can be sent; one on a dead stream would not be known to have arrived."""
        return isinstance(self.sock, StreamSocket) and self.sock.is_quiet()


class _Pool(urllib3.HTTPConnectionPool):
    """A bounded number of connections to one engine; who finds none waits."""

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
        self.headers.clear()
        self.headers["User-Agent"] = "swarmnet"
        self.adapters.clear()
        self.mount("http+docker://", _Adapter(open_stream))

    def negotiate(self) -> str:
        """Return the version of the API to speak: the newest that both sides know. Asks the engine once.

        Raises:
            VersionError: the engine is too old, or does not say.
        """
        with self._negotiation:
            if not self._version:
                answer = self.get(f"{self.base_url}/_ping", timeout=self.timeout)
                answer.raise_for_status()
                self._version = _common(answer.headers.get("Api-Version", ""))
            return self._version


def _common(served: str) -> str:
    match = re.fullmatch(r"(\d+)\.(\d+)", served)
    if match is None:
        raise VersionError(f"the engine names no API version ({served!r})")
    version = (int(match[1]), int(match[2]))
    if version < OLDEST_API:
        raise VersionError(f"the engine speaks API {served}; swarmnet needs 1.41 (engine 20.10) or newer")
    return "{}.{}".format(*min(version, NEWEST_API))
