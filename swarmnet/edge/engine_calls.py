"""How each part of the engine's client asks: one negotiated client, one place for errors."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from swarmnet.edge.engine_errors import refused, translated
from swarmnet.edge.transport import EngineClient
from swarmnet.edge.wire import as_object, index_of
from swarmnet.errors import StateChangedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import requests

    from swarmnet.edge.transport import StreamLike
    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.clock import Clock

_ERRORS_FROM = 400


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the Engine API; ``what`` says in words what it is for."""

    what: str
    method: str
    path: str
    body: JsonObject | None = None
    params: Mapping[str, str | int | bool] | None = None
    data: bytes | None = None
    timeout: float | None = None
    """Seconds without a byte; None means the client's own."""


class EngineCalls:
    """The base of the engine's parts: docker-py's helpers through ``_client``, anything else through ``_send``."""

    def __init__(self, host: str, open_stream: Callable[[], StreamLike], clock: Clock) -> None:
        self._host = host
        self._clock = clock
        self._open_stream = open_stream
        self._api = EngineClient(open_stream)
        if clock.patience is not None:
            self._api.timeout = math.ceil(min(self._api.timeout, clock.patience))

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self._host

    def _asking(self, what: str) -> AbstractContextManager[None]:
        return translated(self._host, what)

    def _client(self) -> EngineClient:
        """Return docker-py's client, its version settled; call it inside ``_asking``."""
        self._api.negotiate()
        return self._api

    def _version(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self._api.negotiate().split("."))

    def _send(self, request: Request) -> JsonValue:
        """Send a request and return the parsed answer; None for an empty one, a text where it is no JSON."""
        with self._asking(request.what):
            answer = self._perform(request, stream=False)
            if not answer.content:
                return None
            if "json" not in answer.headers.get("Content-Type", ""):
                return answer.text
            return cast("JsonValue", answer.json())

    def _progress(self, request: Request) -> None:
        """Send a request whose answer is a stream of JSON lines; an error among them is raised."""
        with self._asking(request.what), self._perform(request, stream=True) as answer:
            for line in _lines(answer):
                said = as_object(json.loads(line)).get("error")
                if said:
                    raise refused(self._host, request.what, _status_of(str(said)), str(said))

    def _perform(self, request: Request, *, stream: bool) -> requests.Response:
        """Send a request; raises ``refused`` and what ``translated`` knows."""
        client = self._client()
        headers = {} if request.body is None else {"Content-Type": "application/json"}
        answer = client.request(
            request.method,
            f"{client.base_url}/v{client.api_version}{request.path}",
            params=request.params,
            data=request.data if request.body is None else json.dumps(request.body).encode(),
            headers=headers,
            stream=stream,
            timeout=request.timeout or client.timeout,
        )
        if answer.status_code >= _ERRORS_FROM:
            raise refused(self._host, request.what, answer.status_code, message_in(answer.content))
        return answer

    def _check_version(self, what: str, seen: Mapping[str, JsonValue], version: int) -> None:
        """Refuse to write over something that changed since it was read."""
        if index_of(seen) != version:
            message = f"{what}: update out of sequence: it is at version {index_of(seen)}, was read at {version}"
            raise StateChangedError(self._host, message, hint="it changed meanwhile; run again")


def quoted(part: str) -> str:
    """Return an id or a name as one part of a path."""
    return quote(part, safe="")


def message_in(body: bytes) -> str:
    """Return what the engine says in the body of a refusal."""
    text = body.decode(errors="replace").strip()
    try:
        return str(as_object(json.loads(body)).get("message") or text).strip()
    except ValueError:
        return text


def _lines(answer: requests.Response) -> Iterator[bytes]:
    return (line for line in answer.iter_lines() if line.strip())


def _status_of(said: str) -> int | None:
    """Return 404 for what a registry does not have: errors in a stream of progress bring no status."""
    missing = ("not found", "manifest unknown", "no such image", "does not exist")
    return 404 if any(word in said.lower() for word in missing) else None
