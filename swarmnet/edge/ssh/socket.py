"""The engine's Unix socket over SSH: by a stream-local channel, else by ``docker system dial-stdio``.

Which way works is found out once a host and then remembered: the channel costs 0.9 ms a request and needs nothing on
the host; the command costs a process there, but passes where sshd forbids forwarding (``AllowStreamLocalForwarding
no``) and, with sudo, where the user may not open the socket.
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import TYPE_CHECKING, Protocol

import paramiko

from swarmnet.edge.ssh import errors as ssh_errors
from swarmnet.edge.ssh.begin import execute
from swarmnet.edge.ssh.shell import answer
from swarmnet.errors import EngineError, HostError, cut
from swarmnet.model.hosts import SudoPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from swarmnet.edge.ssh.link import Link
    from swarmnet.edge.ssh.shell import Shell
    from swarmnet.edge.ssh.sudo import Elevation

DOCKER_SOCKET = "/var/run/docker.sock"
_PING = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n"
_PROBE_TIMEOUT = 10.0
_FIRST_WORDS = 200
_CHUNK = 16 * 1024
_NOISE_LIMIT = 256 * 1024
"""Bytes that a login shell's start files may print."""
_BEGIN = 'printf "%s\\n" "$1"; shift; exec "$@"'
"""``sh -c BEGIN sh MARK COMMAND...``"""

# The obstacles, one word each; all of it is readable without rights.
_LOOK = """[ -S "$1" ] && echo socket; [ -r "$1" ] && [ -w "$1" ] && echo allowed
command -v docker >/dev/null 2>&1 && echo docker; exit 0"""


class Stream(Protocol):
    """A connection to the engine: what of a socket an HTTP client needs."""

    def recv(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, none at the end; raises ``TimeoutError`` or ``OSError``."""

    def sendall(self, data: bytes, /) -> None:
        """Send all of it; raises ``TimeoutError`` or ``OSError``."""

    def settimeout(self, seconds: float | None, /) -> None:
        """Limit each following wait."""

    def close(self) -> None:
        """End it; may be called twice."""


class EngineSocket:
    """Opens streams to one host's engine."""

    def __init__(self, link: Link, shell: Shell, *, path: str = DOCKER_SOCKET) -> None:
        self._link = link
        self._shell = shell
        self._path = path
        self._lock = threading.Lock()
        self._way: Callable[[], Stream] | None = None

    def open(self) -> Stream:
        """Return a new stream to the engine.

        Pass this method itself to ``swarmnet.edge.engine.engine.Engine`` as ``open_stream``: a broken SSH connection is
        opened again here, and threads may call it at once.

        Raises:
            HostError: the kinds of a failed connection; ``EngineError`` when the host answers but no way leads to
                the socket (no Docker, not running, no right to it, no passwordless sudo).
        """
        with self._lock:
            if self._way is None:
                self._way, stream = self._find()
                return stream
            way = self._way
        try:
            return way()
        except paramiko.ChannelException:
            # It worked before: the engine is gone, or its rights changed. Look again, for the right words.
            with self._lock:
                self._way, stream = self._find()
                return stream

    def _find(self) -> tuple[Callable[[], Stream], Stream]:
        if self._link.target.sudo is SudoPolicy.ALWAYS:
            return self._by_command(sudo=True)
        try:
            return self._by_channel, self._by_channel()
        except paramiko.ChannelException:
            seen = self._shell.run(["sh", "-c", _LOOK, "sh", self._path]).stdout.split()
        if b"socket" not in seen:
            raise self._error(
                f"there is no engine socket at {self._path}",
                hint="install Docker there, or start it: systemctl start docker",
            )
        if b"docker" not in seen:
            raise self._error(
                "sshd opens no channel to the engine's socket, and there is no docker command to reach it by",
                hint="start the engine; or set AllowStreamLocalForwarding yes in sshd_config; or install docker-cli",
            )
        if b"allowed" in seen:
            return self._by_command(sudo=False)
        if self._link.target.sudo is SudoPolicy.NEVER:
            raise self._error(
                f"user {self._link.target.user} may not open {self._path}",
                hint=f"usermod -aG docker {self._link.target.user}, or set ssh.sudo: auto",
            )
        return self._by_command(sudo=True)

    def _by_channel(self) -> Stream:
        return self._link.unix_socket(self._path)

    def _by_command(self, *, sudo: bool) -> tuple[Callable[[], Stream], Stream]:
        argv = ["docker", "-H", f"unix://{self._path}", "system", "dial-stdio"]

        def way() -> Stream:
            elevation = self._shell.elevated() if sudo else None
            target = self._link.target
            return CommandStream(target.label, self._link.session(), argv, elevation, limit=target.timeout)

        # A channel opens before the command has failed, so the way is tried with one small question.
        trial = way()
        try:
            trial.settimeout(_PROBE_TIMEOUT)
            trial.sendall(_PING)
            said = trial.recv(_FIRST_WORDS)
        except TimeoutError:
            raise self._error(f"the engine did not answer within {_PROBE_TIMEOUT:g} s") from None
        except OSError as error:
            raise self._refused(str(error), sudo=sudo) from None
        finally:
            trial.close()
        if not said.startswith(b"HTTP/"):
            text = f" but says {cut(said.decode(errors='replace').strip(), 80)!r}" if said else ""
            raise self._error(
                f"what listens at {self._path} is not a Docker engine{text}",
                hint="does something print when a command begins? see ~/.bashrc, and what `docker` is on that host",
            )
        return way, way()

    def _refused(self, said: str, *, sudo: bool) -> EngineError:
        if sudo and ("password" in said or "tty" in said):
            user = self._link.target.user
            return self._error(
                f"user {user} may not open {self._path}, and sudo wants a password",
                hint=f"give it with --ask-become-pass, or: usermod -aG docker {user}, or allow docker without one"
                " (NOPASSWD in sudoers)",
                brief="sudo wants a password",
            )
        return self._error(f"the engine cannot be reached: {said}", hint="is it running? systemctl status docker")

    def _error(self, message: str, *, hint: str | None = None, brief: str | None = None) -> EngineError:
        return EngineError(self._link.target.label, message, hint=hint, brief=brief)


class CommandStream:
    """A command's stdin and stdout as one stream; its last words on stderr become the error.

    A login shell's start files may print before the command begins: a mark tells where that ends.
    """

    def __init__(
        self, host: str, channel: paramiko.Channel, argv: Sequence[str], sudo: Elevation | None = None, *, limit: float
    ) -> None:
        """Begin the command; raises ``UnreachableError`` when sshd does not within ``limit`` seconds."""
        self._host = host
        self._channel = channel
        self._timeout: float | None = None
        self._mark = secrets.token_hex(8).encode() + b"\n"
        self._noise = bytearray()
        self._begun = False
        self._stderr = bytearray()
        prefix = sudo.prefix if sudo else ()
        try:
            execute(channel, [*prefix, "sh", "-c", _BEGIN, "sh", self._mark.decode().strip(), *argv], limit)
            if sudo is not None and sudo.asks:  # before a client's request could be taken for the password
                answer(channel, sudo, self._take, self._stderr, self._has_begun)
        except HostError:
            channel.close()
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            channel.close()
            raise ssh_errors.lost(host, error) from error

    def recv(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; raises ``OSError`` with what the command said when it failed."""
        data = self._first(size) if not self._begun or self._noise else self._channel.recv(size)
        if data or not (said := self._last_words()):
            return data
        raise OSError(said)

    def _last_words(self) -> str:
        """Return what the command said when it failed; empty while it runs, and when it ended well."""
        if not self._channel.status_event.wait(1) or self._channel.exit_status <= 0:
            return ""
        said = (bytes(self._stderr) + self._channel.recv_stderr(2000)).decode(errors="replace").strip()
        return said or f"the command ended with status {self._channel.exit_status}"

    def _first(self, size: int) -> bytes:
        """Drop what comes before the mark, and return what came with it."""
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        while not self._begun:
            if deadline is not None:
                self._channel.settimeout(max(0.0, deadline - time.monotonic()))
            data = self._channel.recv(_CHUNK)
            if not data:
                return b""
            self._hear(data)
        if not self._noise:
            self._channel.settimeout(self._timeout)
            return self._channel.recv(size)
        data = bytes(self._noise[:size])
        del self._noise[:size]
        return data

    def _hear(self, data: bytes) -> None:
        self._noise += data
        start = self._noise.find(self._mark, max(0, len(self._noise) - len(self._mark) - len(data)))
        if start >= 0:
            self._begun = True
            del self._noise[: start + len(self._mark)]
        elif len(self._noise) > _NOISE_LIMIT:
            raise OSError("the login shell prints without end before the command begins")

    def _take(self) -> bool:
        """Take in what came before the command; return whether there was any."""
        if self._channel.recv_stderr_ready():
            self._stderr += self._channel.recv_stderr(_CHUNK)
        elif self._channel.recv_ready():
            self._hear(self._channel.recv(_CHUNK))
        else:
            return False
        return True

    def _has_begun(self) -> bool:
        return self._begun or bool(self._channel.closed or self._channel.eof_received)

    def sendall(self, data: bytes, /) -> None:
        """Send all of it; raises ``OSError`` with what the command said when it failed before."""
        try:
            self._channel.sendall(data)
        except OSError as error:
            raise OSError(self._last_words() or str(error)) from error

    def settimeout(self, seconds: float | None, /) -> None:
        """Limit each following wait."""
        self._timeout = seconds
        self._channel.settimeout(seconds)

    def close(self) -> None:
        """End the command by closing its stdin and the channel."""
        self._channel.close()
