"""A server between an S3 client and a real one: it passes requests on, and answers some of them otherwise."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Rule = Callable[[str, str], tuple[int, str] | None]
    """From method and path to a status and S3's word for it; None passes the request on."""


@dataclass
class Between:
    """What is answered, and what was asked."""

    rule: Rule
    asked: list[tuple[str, str]] = field(default_factory=list)


_OWN = ("transfer-encoding", "connection", "content-length", "date", "server")


class _Handler(BaseHTTPRequestHandler):
    upstream: ClassVar[int]
    middle: ClassVar[Between]

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *_words: object) -> None:  # noqa: A002 - the base class's word
        """Print nothing."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.middle.asked.append((self.command, self.path))
        ruled = self.middle.rule(self.command, self.path.partition("?")[0])
        if ruled is None:
            self._pass_on(body)
            return
        status, code = ruled
        text = f"<Error><Code>{code}</Code><Message>as ruled</Message></Error>".encode() if code else b""
        self._reply(status, {"ETag": '"0"'}, text)

    def _pass_on(self, body: bytes) -> None:
        upstream = HTTPConnection("127.0.0.1", self.upstream, timeout=30)
        upstream.request(self.command, self.path, body, dict(self.headers.items()))
        found = upstream.getresponse()
        content = found.read()
        headers = {name: value for name, value in found.getheaders() if name.lower() not in _OWN}
        if self.command == "HEAD":
            headers["Content-Length"] = found.getheader("Content-Length") or "0"
        self._reply(found.status, headers, content)
        upstream.close()

    def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = answer  # noqa: N815 - the base class looks for these


@contextmanager
def between(server: int, middle: Between) -> Iterator[int]:
    """Yield the port to ask instead of the server's."""

    handler = type("Handler", (_Handler,), {"upstream": server, "middle": middle})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        thread = Thread(target=http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield http.server_address[1]
        finally:
            http.shutdown()
            thread.join()
