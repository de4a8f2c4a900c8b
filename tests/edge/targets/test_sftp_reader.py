"""A file that is read ahead over SFTP, from a server that answers in ways of its own."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import paramiko
import pytest
from paramiko.sftp import SFTP_NO_SUCH_FILE, SFTP_PERMISSION_DENIED

from swarmnet.edge.targets.sftp_reader import AHEAD, REQUEST, SftpClient

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "a.swarmnet"
FAR = (AHEAD + 3) * REQUEST + 17


@dataclass
class Served:
    """What the server has, and how it answers."""

    content: bytes
    at_once: int = REQUEST
    """Bytes of one answer at most."""
    refused_at: int | None = None
    """Offset of the request that is refused."""
    reported: int | None = None
    """The size that it tells, if that is another than it has."""
    asked: list[int] = field(default_factory=list)


class _Handle(paramiko.SFTPHandle):
    def __init__(self, served: Served) -> None:
        super().__init__()
        self._served = served

    def stat(self) -> paramiko.SFTPAttributes:
        status = paramiko.SFTPAttributes()
        status.st_size = len(self._served.content) if self._served.reported is None else self._served.reported
        return status

    def read(self, offset: int, length: int) -> bytes | int:
        self._served.asked.append(offset)
        if offset == self._served.refused_at:
            return SFTP_PERMISSION_DENIED
        return self._served.content[offset : offset + min(length, self._served.at_once)]  # nothing is the end


class _Login(paramiko.ServerInterface):
    def get_allowed_auths(self, _username: str) -> str:
        return "none"

    def check_auth_none(self, _username: str) -> int:
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_request(self, _kind: str, _chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED


@contextmanager
def client_of(served: Served) -> Iterator[SftpClient]:
    class Files(paramiko.SFTPServerInterface):
        def open(self, path: str, _flags: int, _attr: paramiko.SFTPAttributes) -> _Handle | int:
            return _Handle(served) if path == FILE else SFTP_NO_SUCH_FILE

    ours, theirs = socket.socketpair()
    server, client = paramiko.Transport(theirs), paramiko.Transport(ours)
    try:
        server.add_server_key(paramiko.ECDSAKey.generate())
        server.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
        server.start_server(event=threading.Event(), server=_Login())
        client.start_client(timeout=10)
        client.auth_none("someone")
        channel = client.open_session()
        channel.invoke_subsystem("sftp")
        yield SftpClient(channel)
    finally:
        client.close()
        server.close()


def poured(client: SftpClient) -> bytes:
    parts: list[bytes] = []
    client.pour(FILE, parts.append)
    return b"".join(parts)


@pytest.mark.parametrize("size", [0, 1, REQUEST - 1, REQUEST, REQUEST + 1, AHEAD * REQUEST, FAR])
def test_a_file_of_any_size_comes_whole_and_is_asked_for_once(size: int) -> None:
    served = Served(os.urandom(size))
    with client_of(served) as client:
        assert poured(client) == served.content
    assert served.asked == list(range(0, size, REQUEST))


def test_a_server_that_gives_less_than_asked_for_is_asked_for_the_rest() -> None:
    served = Served(os.urandom(FAR), at_once=10_000)
    with client_of(served) as client:
        assert poured(client) == served.content


def test_a_file_that_got_shorter_ends_where_it_ends() -> None:
    served = Served(os.urandom(2 * REQUEST + 5), reported=FAR)
    with client_of(served) as client:
        assert poured(client) == served.content


def test_a_part_that_is_refused_is_an_error_and_the_connection_goes_on() -> None:
    served = Served(os.urandom(FAR), refused_at=5 * REQUEST)
    with client_of(served) as client:
        with pytest.raises(PermissionError):
            poured(client)
        served.refused_at = None
        assert poured(client) == served.content


def test_a_sink_that_raises_leaves_a_connection_that_goes_on() -> None:
    served = Served(os.urandom(FAR))

    def full(_part: bytes) -> None:
        raise OSError("no space")

    with client_of(served) as client:
        with pytest.raises(OSError, match="no space"):
            client.pour(FILE, full)
        assert poured(client) == served.content


def test_a_file_that_is_missing_is_missing() -> None:
    with client_of(Served(b"")) as client, pytest.raises(FileNotFoundError):
        client.pour("none", bytes)


def test_no_more_is_asked_for_than_may_be_in_memory() -> None:
    served = Served(os.urandom(3 * AHEAD * REQUEST))
    taken = 0
    ahead: list[int] = []

    def take(part: bytes) -> None:
        nonlocal taken
        taken += len(part)
        ahead.append(max(served.asked) + REQUEST - taken)

    with client_of(served) as client:
        client.pour(FILE, take)
    assert max(ahead) <= AHEAD * REQUEST
