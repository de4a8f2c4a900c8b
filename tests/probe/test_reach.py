"""How a probe tries names and ports: against servers on this machine, and a resolver that the test is."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread, Timer
from typing import TYPE_CHECKING

import pytest

from swarmnet.probe import reach
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_SUCH_NAME = 3


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path == "/health" and self.headers["Host"].startswith("web:")
        self.send_response(204 if found else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def web() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Server)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@contextmanager
def resolver(address: str | None) -> Iterator[tuple[str, int]]:
    """Run a DNS server that gives every name this address, or says that there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    query, client = link.recvfrom(512)
                except OSError:
                    return
                code, count = (0, 1) if address else (NO_SUCH_NAME, 0)
                head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, count, 0, 0)
                body = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton(address) if address else b""
                link.sendto(head + query[12:] + body, client)

        Thread(target=serve, daemon=True).start()
        yield link.getsockname()


def asked(task: dict[str, object], server: tuple[str, int], seconds: float = 0.2) -> dict[str, object]:
    return reach.ask(task, time.monotonic() + seconds, server)


def test_a_name_whose_port_takes_connections_is_reached(web: int) -> None:
    with resolver("127.0.0.1") as server:
        assert asked({"name": "web", "port": web}, server)["ok"] is True


def test_the_status_is_asked_of_the_server_by_its_name(web: int) -> None:
    with resolver("127.0.0.1") as server:
        assert asked({"name": "web", "port": web, "path": "/health"}, server)["ok"] is True
        assert asked({"name": "web", "port": web, "path": "/health", "status": 204}, server)["ok"] is True
        other = asked({"name": "web", "port": web, "path": "/health", "status": 200}, server)
        assert other == {"ok": False, "why": f"127.0.0.1:{web}: HTTP status 204", "address": "127.0.0.1", "status": 204}
        assert asked({"name": "web", "port": web, "path": "/"}, server)["why"] == f"127.0.0.1:{web}: HTTP status 503"
        assert asked({"name": "web", "port": web, "path": "/", "status": 503}, server)["ok"] is True


def test_a_name_that_does_not_exist_and_a_port_that_is_closed_are_said() -> None:
    with resolver(None) as server:
        assert asked({"name": "web", "port": 80}, server)["why"] == "the name has no answer: no such name"
    port = free_port()
    with resolver("127.0.0.1") as server:
        assert asked({"name": "web", "port": port}, server)["why"] == f"127.0.0.1:{port}: Connection refused"


def test_it_is_tried_until_it_answers() -> None:
    with socket.socket() as late, resolver("127.0.0.1") as server:
        late.bind(("127.0.0.1", 0))
        port = late.getsockname()[1]
        opener = Timer(0.1, late.listen)
        opener.start()
        assert asked({"name": "web", "port": port}, server, seconds=20)["ok"] is True
        opener.join()


def test_an_address_needs_no_resolver(web: int) -> None:
    assert asked({"name": "127.0.0.1", "port": web}, ("127.0.0.1", 1))["ok"] is True
