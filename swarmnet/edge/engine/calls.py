"""How each part of the engine's client asks: one negotiated client, one place for errors."""

from __future__ import annotations

import inspect
import json
import logging
import math
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from swarmnet.edge.engine.client import AnswerError, EngineClient
from swarmnet.edge.engine.errors import message_in, refused, translated
from swarmnet.edge.engine.multiplex import Frames
from swarmnet.edge.engine.wire.parts import as_object, as_text, index_of
from swarmnet.errors import EngineError, StateChangedError
from swarmnet.model.border import border, parsed, text_at
from swarmnet.model.version import ApiVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import requests

    from swarmnet.edge.engine.client import StreamLike
    from swarmnet.model.base import JsonObject, JsonValue, Labels, Secret
    from swarmnet.model.clock import Clock
    from swarmnet.model.image_port import Upload

_LOG = logging.getLogger("swarmnet.engine")
_ERRORS_FROM = 400
ENTRIES = 100_000
"""Objects of one list, however short each is: as models they take some kilobytes and some tens of microseconds each."""
_CHUNK = 16 * 1024
_LINE_LIMIT = 1024 * 1024
"""Bytes of one line of progress."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the Engine API; ``what`` says in words what it is for."""

    what: str
    method: str
    path: str
    body: JsonObject | None = None
    params: Mapping[str, str | int | bool] | None = None
    data: bytes | Upload | None = None
    timeout: float | None = None
    """Seconds for all of it; None means the client's own."""
    newest: str | None = None
    """The version of the API to ask in where a newer one leaves something out; None means the negotiated one."""
    login: Secret | None = None
    """What the engine shows to a registry (``X-Registry-Auth``)."""


class Bordered(ABC):
    """The base of the engine's parts.

    Every public method of every part runs inside the border without asking for it: whatever an answer contains, the
    method returns, or raises an error of this host.
    """

    word: ClassVar[str] = ""
    """What the part holds, for errors."""

    def __init_subclass__(cls, *, is_inside: bool = False) -> None:
        """Put the part's public methods behind the border, but not those that only other parts call."""
        super().__init_subclass__()
        for name, method in [] if is_inside else list(vars(cls).items()):
            if inspect.isfunction(method) and not name.startswith("_"):
                setattr(cls, name, _behind_border(method, f"{name.replace('_', ' ')} {cls.word}".strip()))

    @property
    @abstractmethod
    def host(self) -> str:
        """The host's name in the inventory."""


class EngineCalls(Bordered, is_inside=True):
    """How the engine is asked. All that is asked goes through ``send``."""

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

    def asking(self, what: str) -> AbstractContextManager[None]:
        """Translate foreign errors inside the block into those of this host."""
        return translated(self._host, what)

    def _client(self) -> EngineClient:
        """Return the client, its version settled; call it inside ``asking``."""
        self._api.negotiate()
        return self._api

    def allowed(self, limit: float) -> float:
        """Return the seconds that a request may take which needs a limit of its own: never more than the operator's."""
        return limit if self._clock.patience is None else min(limit, self._clock.patience)

    def version(self) -> ApiVersion:
        """Return the API version that both sides speak."""
        return ApiVersion.read(self._api.negotiate())

    def send(self, request: Request) -> JsonValue:
        """Send a request and return the parsed answer; None for an empty one, a text where it is not JSON."""
        with self.asking(request.what):
            answer = self._perform(request, stream=False)
            if not answer.content:
                return None
            if "json" not in answer.headers.get("Content-Type", ""):
                return answer.content.decode(errors="replace")
            return parsed(answer.content)

    def objects(self, request: Request) -> list[JsonObject]:
        """Return the answer to a request for a list of objects; raises ``EngineError`` where it is none."""
        with self.asking(request.what):
            seen = self.send(request)
            if seen is not None and not isinstance(seen, list):
                raise AnswerError("it is not a list")
            if len(seen or ()) > ENTRIES:
                raise AnswerError(f"it lists more than {ENTRIES:,} objects")
            found = [entry for entry in seen or () if isinstance(entry, dict)]
            if len(found) < len(seen or ()):
                raise AnswerError("it lists something that is not an object")
            return found

    def listed(self, kind: str, filters: Mapping[str, list[str]] | None = None) -> list[JsonObject]:
        """Return the JSON of all objects of a kind (docker-py has no types for these lists)."""
        params = {"filters": json.dumps(filters)} if filters else None
        return self.objects(Request(f"list {kind}", "GET", f"/{kind}", params=params))

    def made(self, request: Request, key: str = "ID") -> str:
        """Send a request that creates an object; return its id."""
        with self.asking(request.what):
            return text_at(as_object(self.send(request)), key)

    def _progress(self, request: Request) -> Iterator[JsonObject]:
        """Send a request whose answer is a stream of JSON lines, and yield them; an error among them is raised."""
        with self.asking(request.what), self._perform(request, stream=True) as answer:
            for line in _lines(answer):
                event = as_object(parsed(line))
                said = _error_in(event)
                if said:
                    raise refused(self._host, request.what, _status_of(said), said)
                yield event

    def printed(self, request: Request, *, keep: int, framed: bool = True) -> bytes:
        """Send a request whose answer is what a program printed; return the last ``keep`` bytes."""
        with self.asking(request.what), self._perform(request, stream=True) as answer:
            frames, plain = Frames(keep, apart=False), bytearray()
            for chunk in answer.iter_content(_CHUNK):
                if framed:
                    frames.feed(chunk)
                    continue
                plain += chunk
                del plain[:-keep]
            return bytes(frames.stdout if framed else plain)

    def _perform(self, request: Request, *, stream: bool) -> requests.Response:
        """Send a request; raises ``refused`` and what ``translated`` knows."""
        client = self._client()
        headers = {} if request.body is None else {"Content-Type": "application/json"}
        if request.login is not None:
            headers["X-Registry-Auth"] = request.login.reveal().decode()
        version = min(client.api_version, request.newest or client.api_version, key=ApiVersion.read)
        begun = time.monotonic()
        answer = client.request(
            request.method,
            f"{client.base_url}/v{version}{request.path}",
            params=request.params,
            data=request.data if request.body is None else json.dumps(request.body).encode(),
            headers=headers,
            stream=stream,
            timeout=request.timeout or client.timeout,
        )
        _LOG.debug(
            "%s: %s /v%s%s%s -> %d in %.0f ms",
            self._host,
            request.method,
            version,
            request.path,
            _fields(request),
            answer.status_code,
            (time.monotonic() - begun) * 1000,
        )
        if answer.status_code >= _ERRORS_FROM:
            raise refused(self._host, request.what, answer.status_code, message_in(answer.content))
        return answer

    def label(self, kind: str, object_id: str, version: int, labels: Labels) -> None:
        """Replace the labels of a config or secret; all the rest must be sent as it is."""
        what, path = f"label {kind} {object_id}", f"/{kind}s/{quoted(object_id)}"
        seen = as_object(self.send(Request(what, "GET", path)))
        self.check_version(what, seen, version)
        body: JsonObject = {**as_object(seen.get("Spec")), "Labels": dict(labels)}
        self.send(Request(what, "POST", f"{path}/update", body, {"version": version}))

    def check_version(self, what: str, seen: Mapping[str, JsonValue], version: int) -> None:
        """Refuse to write over something that changed since it was read."""
        if index_of(seen) != version:
            message = f"{what}: update out of sequence: it is at version {index_of(seen)}, was read at {version}"
            raise StateChangedError(self._host, message, hint="it changed meanwhile; run again")


class EnginePart(Bordered, is_inside=True):
    """The base of what an engine has of one kind."""

    def __init__(self, calls: EngineCalls) -> None:
        self._calls = calls

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self._calls.host


def _fields(request: Request) -> str:
    """Return the names of what is sent, for the log: values may be secrets."""
    names = [f"?{', '.join(request.params)}"] if request.params else []
    names += [f"body: {', '.join(request.body)}"] if request.body else []
    return f" ({'; '.join(names)})" if names else ""


def quoted(part: str) -> str:
    """Return an id or a name as one part of a path."""
    return quote(part, safe="")


def _behind_border(method: Callable[..., Any], what: str) -> Callable[..., Any]:
    @wraps(method)
    def guarded(self: Bordered, *words: Any, **more: Any) -> Any:  # noqa: ANN401  # whatever the method takes
        with border(self.host, what, EngineError):
            return method(self, *words, **more)

    return guarded


def _lines(answer: requests.Response) -> Iterator[bytes]:
    """Yield the lines of a stream; raises ``AnswerError`` for one that does not end."""
    pending = bytearray()
    for chunk in answer.iter_content(_CHUNK):
        first, *others = chunk.split(b"\n")
        pending += first
        for piece in others:
            if pending.strip():
                yield bytes(pending)
            pending = bytearray(piece)
        if len(pending) > _LINE_LIMIT:
            raise AnswerError("a line of it is too long")
    if pending.strip():
        yield bytes(pending)


def _error_in(event: JsonObject) -> str:
    """Return the error in a line of progress; engines stop to send it as ``error``, deprecated since API 1.48."""
    return as_text(as_object(event.get("errorDetail")).get("message")) or as_text(event.get("error"))


def _status_of(said: str) -> int | None:
    """Return 404 for what a registry does not have: errors in a stream of progress bring no status."""
    missing = ("not found", "manifest unknown", "no such image", "does not exist")
    return 404 if any(word in said.lower() for word in missing) else None
