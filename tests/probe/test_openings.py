"""What a probe sees when it opens ports: against servers on this machine, and the kernel's own tables."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from swarmnet.probe import listeners, openings
from tests.probe.test_late_names import resolver as led
from tests.probe.test_reach import resolver, web
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from swarmnet.model.base import JsonObject

__all__ = ["web"]
HERE = "127.0.0.1"


def opened(seconds: float = 1.0, server: tuple[str, int] | None = None, **target: object) -> dict[str, object]:
    task = {"targets": {"one": {"name": HERE, "protocol": "tcp", **target}}}
    found = openings.ask_all(task, time.monotonic() + seconds, server)["one"]
    assert isinstance(found, dict)
    return found


@contextmanager
def answering(reply: bytes, kind: socket.SocketKind) -> Iterator[int]:
    """Run a server that gives every client the same reply."""
    with socket.socket(socket.AF_INET, kind) as link:
        link.bind((HERE, 0))
        if kind is socket.SOCK_STREAM:
            link.listen()

        def serve() -> None:
            try:
                if kind is socket.SOCK_STREAM:
                    client, _ = link.accept()
                    with client:
                        client.recv(4096)
                        client.sendall(reply)
                else:
                    _, address = link.recvfrom(4096)
                    link.sendto(reply, address)
            except OSError:
                return

        Thread(target=serve, daemon=True).start()
        yield link.getsockname()[1]


@contextmanager
def closed() -> Iterator[int]:
    """Give a port of this machine on which nothing listens."""
    with socket.socket() as link:
        link.bind((HERE, 0))
        yield link.getsockname()[1]


def test_a_port_is_open_refused_or_has_no_way(web: int) -> None:
    found = opened(port=web)
    assert (found["seen"], found["address"], found["local"], found["tries"]) == ("open", HERE, HERE, 1)
    with closed() as port:
        assert opened(port=port)["seen"] == "refused"
    assert opened(name="255.255.255.255", port=9)["seen"] == "unreachable"


def test_a_name_is_looked_up_first(web: int) -> None:
    with resolver(HERE) as server:
        found = opened(server=server, name="db", port=web)
        assert (found["seen"], found["addresses"]) == ("open", [HERE])
    with resolver(None) as server:
        found = opened(server=server, name="db", port=web)
        assert (found["seen"], found["why"]) == ("unresolvable", "no such name")


def test_what_is_wanted_is_tried_until_it_answers_and_what_is_not_once() -> None:
    with closed() as port:
        assert opened(port=port)["tries"] == 1
        assert int(str(opened(port=port, patient=True)["tries"])) > 1


@pytest.mark.parametrize(("times", "seen", "why"), [(2, "open", ""), (3, "refused", "1 of 3 connections: ")])
def test_an_open_port_is_tried_as_often_as_asked_and_what_was_lost_is_counted(
    web: int, times: int, seen: str, why: str
) -> None:
    """The third connection is led to an address where nothing listens, as by a balancer with a backend that is gone."""
    with led(lambda number: ["127.0.0.2" if number == 3 else HERE]) as server:
        found = opened(30.0, server, name="db", port=web, times=times)
    assert (found["seen"], str(found["why"]).startswith(why)) == (seen, True)


def test_an_open_port_that_stays_silent_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openings, "ATTEMPT", 0.2)
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind((HERE, 0))
        full.listen(0)
        first.connect(full.getsockname())
        second.setblocking(False)  # noqa: FBT003 - a positional argument of the library
        second.connect_ex(full.getsockname())
        assert opened(port=full.getsockname()[1])["seen"] == "silent"


@pytest.mark.parametrize(
    ("say", "seen", "why"),
    [
        ({"http": "/health", "status": 0}, "open", ""),
        ({"http": "/health", "status": 204}, "open", ""),
        ({"http": "/health", "status": 200}, "wrong", "HTTP status 204"),
        ({"http": "/other", "status": 0}, "wrong", "HTTP status 503"),
    ],
)
def test_http_must_answer_as_the_check_wants(web: int, say: JsonObject, seen: str, why: str) -> None:
    found = opened(port=web, say={**say, "named": "web:80", "within": 2.0})
    assert (found["seen"], found["why"]) == (seen, why)


def test_tls_is_known_by_its_first_bytes() -> None:
    with answering(b"\x16\x03\x03\x00\x30rest", socket.SOCK_STREAM) as port:
        assert opened(port=port, say={"tls": True, "within": 2.0})["seen"] == "open"
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n", socket.SOCK_STREAM) as port:
        assert opened(port=port, say={"tls": True, "within": 2.0})["seen"] == "wrong"


def test_the_hello_is_one_that_a_server_of_openssl_answers() -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(openings.hello())
    with pytest.raises(ssl.SSLError, match="NO_SHARED_CIPHER"):  # it has no certificate: it read the hello to the end
        server.do_handshake()
    assert outgoing.read()[:2] == b"\x15\x03"


def test_datagrams_are_answered_refused_or_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openings, "ATTEMPT", 0.3)
    with answering(b"yes", socket.SOCK_DGRAM) as port:
        assert opened(port=port, protocol="udp")["seen"] == "open"
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((HERE, port))
        assert opened(port=port, protocol="udp")["seen"] == "silent"
    assert opened(port=port, protocol="udp")["seen"] == "refused"


def test_a_dns_server_is_asked_for_a_name() -> None:
    say = {"dns": "example.org", "within": 1.0}
    with resolver(HERE) as (_, port):
        assert opened(port=port, protocol="udp", say=say)["seen"] == "open"
    with resolver(None) as (_, port):
        found = opened(port=port, protocol="udp", say=say)
        assert (found["seen"], found["why"]) == ("wrong", "DNS: no such name")


def test_what_listens_is_read_from_the_kernels_own_tables() -> None:
    with socket.socket() as everywhere, socket.socket() as here, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        for link, address in ((everywhere, ""), (here, HERE), (datagrams, HERE)):
            link.bind((address, 0))
        everywhere.listen()
        here.listen()
        sockets = listeners.listening()["sockets"]
        assert isinstance(sockets, list)
        for link, protocol, address in ((everywhere, "tcp", "*"), (here, "tcp", HERE), (datagrams, "udp", HERE)):
            assert {"protocol": protocol, "address": address, "port": link.getsockname()[1]} in sockets


def test_the_engines_resolver_connections_and_unknown_lines_are_left_out(tmp_path: Path) -> None:
    head = "  sl  local_address rem_address   st\n"
    lines = ("0: 0B00007F:9A39 00000000:0000 0A", "1: 0100007F:0050 00000000:0000 0A", "2: 0100007F:0051 0:0 01", "odd")
    (tmp_path / "tcp").write_text(head + "\n".join(lines) + "\n")
    mapped = "0000000000000000FFFF00000102000A:1538"
    (tmp_path / "tcp6").write_text(f"{head} 0: {mapped} {'0' * 32}:0000 0A\n 1: {'0' * 32}:0051 {'0' * 32}:0000 0A\n")
    (tmp_path / "ip_vs").write_text("")
    assert listeners.listening(str(tmp_path)) == {
        "sockets": [
            {"protocol": "tcp", "address": "*", "port": 81},
            {"protocol": "tcp", "address": "10.0.2.1", "port": 5432},
            {"protocol": "tcp", "address": HERE, "port": 80},
        ],
        "ipvs": True,
    }


def test_a_datagram_holds_the_marker_by_which_it_is_counted_where_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openings, "ATTEMPT", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((HERE, 0))
        opened(port=server.getsockname()[1], protocol="udp", marker="c0ffee")
        assert server.recv(100) == b"\xc0\xff\xee"
