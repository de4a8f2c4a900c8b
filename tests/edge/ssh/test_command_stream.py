"""A command as a stream, over an SSH server that does not do as sshd does."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import paramiko
import pytest

from swarmnet.edge.ssh.shell import Shell
from swarmnet.edge.ssh.socket import CommandStream
from swarmnet.edge.ssh.sudo import Elevation
from swarmnet.errors import CommandError, HostError, UnreachableError
from swarmnet.model.base import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 0.5
AFTER_REPLY = 0.2
"""Seconds for the library to send its answer to the request for a command, which the server does not hear of."""


class Server(paramiko.ServerInterface):
    """Lets everyone in, and leaves the command to a test; what that returns is the answer to the request."""

    def __init__(self, run: Callable[[paramiko.Channel, bytes], bool]) -> None:
        self._run = run

    def get_allowed_auths(self, _username: str) -> str:
        return "none"

    def check_auth_none(self, _username: str) -> int:
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_request(self, _kind: str, _chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return self._run(channel, command)


@contextmanager
def connected(run: Callable[[paramiko.Channel, bytes], bool]) -> Iterator[paramiko.Transport]:
    ours, theirs = socket.socketpair()
    server, client = paramiko.Transport(theirs), paramiko.Transport(ours)
    try:
        server.add_server_key(paramiko.ECDSAKey.generate())
        server.start_server(event=threading.Event(), server=Server(run))
        client.start_client(timeout=10)
        client.auth_none("someone")
        yield client
    finally:
        client.close()
        server.close()


def says(said: Callable[[bytes], list[bytes]], status: int = 0) -> Callable[[paramiko.Channel, bytes], bool]:
    """Return a server's way to print what a test makes of the command's mark, and to end."""

    def run(channel: paramiko.Channel, command: bytes) -> bool:
        mark = next(word for word in command.split() if len(word) == 16 and word.isalnum())

        def speak() -> None:
            threading.Event().wait(AFTER_REPLY)
            with suppress(OSError, EOFError, paramiko.SSHException):  # who heard enough hangs up
                for part in said(mark):
                    channel.sendall(part)
                channel.send_exit_status(status)
                channel.close()

        threading.Thread(target=speak, daemon=True).start()
        return True

    return run


def test_h3_an_exec_request_that_is_never_answered_has_its_time() -> None:
    over = threading.Event()
    with connected(lambda _channel, _command: over.wait(60)) as client:
        began = time.monotonic()
        with pytest.raises(UnreachableError, match="h: the SSH connection broke"):
            CommandStream("h", client.open_session(), ["docker", "system", "dial-stdio"], limit=LIMIT)
        assert time.monotonic() - began < LIMIT + 10
        over.set()


@pytest.mark.parametrize(
    ("parts", "heard"),
    [
        ([b"%b\nHTTP/1.1"], b"HTTP/1.1"),
        ([b"Welcome\nHTTP/1.1 404 no\n%b\nHTTP/1.1"], b"HTTP/1.1"),
        ([b"no newline%b\nHTTP", b"/1.1"], b"HTTP/1.1"),
        ([b"%b\n", b"", b"HTTP/1.1"], b"HTTP/1.1"),
        ([b"\xff\0%b\n\xff"], b"\xff"),
        ([b"Welcome\n"], b""),
        ([], b""),
    ],
)
def test_c8_a_stream_begins_behind_its_mark(parts: list[bytes], heard: bytes) -> None:
    with connected(says(lambda mark: [part.replace(b"%b", mark) for part in parts])) as client:
        stream = CommandStream("h", client.open_session(), ["dial"], limit=5)
        stream.settimeout(5)
        said = b""
        while data := stream.recv(3):
            said += data
        assert said == heard


def test_c8_a_login_that_prints_without_end_is_given_up() -> None:
    with connected(says(lambda _mark: [b"x" * 65536] * 8)) as client:
        stream = CommandStream("h", client.open_session(), ["dial"], limit=5)
        stream.settimeout(5)
        with pytest.raises(OSError, match="prints without end"):
            stream.recv(3)


def test_c8_a_login_that_prints_slowly_has_the_time_of_one_wait() -> None:
    def slowly(channel: paramiko.Channel, _command: bytes) -> bool:
        def speak() -> None:
            threading.Event().wait(AFTER_REPLY)
            with suppress(OSError, EOFError, paramiko.SSHException):
                while not channel.closed:
                    channel.sendall(b"x")
                    threading.Event().wait(0.05)

        threading.Thread(target=speak, daemon=True).start()
        return True

    with connected(slowly) as client:
        stream = CommandStream("h", client.open_session(), ["dial"], limit=5)
        stream.settimeout(LIMIT)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            stream.recv(3)
        assert time.monotonic() - began < LIMIT + 10
        stream.close()


@pytest.mark.parametrize(
    "line",
    [b"\xff 1", b"1 \xff", b"", b"1 2 3", b"$(reboot) 1", b"-1 1", "\u0663 1".encode(), b"1" * 70_000],
    ids=range(8),
)
def test_h4_what_no_process_can_be_called_is_the_hosts_error(line: bytes) -> None:
    ran: list[bytes] = []
    answer = says(lambda mark: [mark + b" " + line + b"\n", b"out\n"])

    def run(channel: paramiko.Channel, command: bytes) -> bool:
        ran.append(command)
        return answer(channel, command)

    with connected(run) as client:
        shell = Shell("h", client.open_session)
        with pytest.raises(CommandError, match=r"command 'id'.*as which process the command runs"):
            shell.run(["id"])
    assert len(ran) == 1


def test_l12_arguments_go_as_the_bytes_that_they_came_as() -> None:
    heard: list[bytes] = []

    def run(channel: paramiko.Channel, command: bytes) -> bool:
        heard.append(command)
        return says(lambda mark: [mark + b" 1 1\n"])(channel, command)

    with connected(run) as client:
        Shell("h", client.open_session).run(["echo", b"caf\xe9".decode(errors="surrogateescape"), "café"])
    assert b"caf\xe9" in heard[0]
    assert "café".encode() in heard[0]


@pytest.mark.parametrize("word", ["a\0b", "\ud800"])
def test_l12_what_no_argument_can_hold_is_refused(word: str) -> None:
    with connected(says(lambda mark: [mark + b" 1 1\n"])) as client, pytest.raises(HostError, match="command 'echo'"):
        Shell("h", client.open_session).run(["echo", word])


def test_h3_a_sudo_that_prints_without_end_is_given_up() -> None:
    def flood(channel: paramiko.Channel, _command: bytes) -> bool:
        def speak() -> None:
            threading.Event().wait(AFTER_REPLY)
            with suppress(OSError, EOFError, paramiko.SSHException):
                while not channel.closed:
                    channel.sendall_stderr(b"x" * 65536)

        threading.Thread(target=speak, daemon=True).start()
        return True

    with connected(flood) as client:
        began = time.monotonic()
        with pytest.raises(UnreachableError, match="sudo prints without end"):
            CommandStream("h", client.open_session(), ["dial"], Elevation("h", Secret("x")), limit=5)
        assert time.monotonic() - began < 20
