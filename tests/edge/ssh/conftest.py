from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

import paramiko
import pytest

from tests.support.ssh_sessions import Fleet
from tests.support.sshd import make_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(tmp_path) as fleet:
        yield fleet


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def bannered_port() -> Iterator[int]:
    """A port of which only the banner is heard, as of a host that freezes just then."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as held:

        def greet() -> None:
            with suppress(OSError):
                while True:
                    client = held.enter_context(server.accept()[0])
                    client.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def undecided_port(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """A port of an sshd that exchanges keys and answers no login, and its line of known_hosts."""
    key = paramiko.Ed25519Key.from_private_key_file(str(make_key(tmp_path / "undecided")))
    over = threading.Event()

    class Undecided(paramiko.ServerInterface):
        def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002 - paramiko's interface
            return "publickey"

        def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002 - as above
            over.wait()
            return paramiko.common.AUTH_FAILED

    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as held:

        def serve() -> None:
            with suppress(OSError, EOFError, paramiko.SSHException):
                while True:
                    transport = held.enter_context(closing(paramiko.Transport(server.accept()[0])))
                    transport.add_server_key(key)
                    transport.start_server(server=Undecided(), event=threading.Event())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        yield port, f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n"
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue is full: it answers no connection, like a host behind a dropping firewall."""
    with ExitStack() as sockets:
        server = sockets.enter_context(closing(socket.socket()))
        server.bind(("0.0.0.0", 0))  # noqa: S104 - all of 127.0.0.0/8, as many hosts
        server.listen(0)
        for _ in range(4):
            filler = sockets.enter_context(closing(socket.socket()))
            filler.setblocking(False)  # noqa: FBT003 - the socket's own interface
            filler.connect_ex(("127.0.0.1", server.getsockname()[1]))
        yield server.getsockname()[1]
