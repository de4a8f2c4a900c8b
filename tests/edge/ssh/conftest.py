from __future__ import annotations

import socket
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from tests.support.ssh_sessions import Fleet

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
