"""Open connections: one a target and run, opened at first use, shared by shell, engine and the hosts behind it."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import paramiko

from swarmnet.edge.ssh import errors as ssh_errors
from swarmnet.errors import HostError
from swarmnet.model.clock import look_until

if TYPE_CHECKING:
    from collections.abc import Callable

    import fabric

    from swarmnet.edge.ssh.dial import Dialer
    from swarmnet.edge.ssh.target import Target
    from swarmnet.edge.ssh.transport import Transport
    from swarmnet.model.clock import Clock

COOL_DOWN = 3.0
"""Seconds for which a failure is repeated as it was: ten questions to a dead host are one attempt."""


_SESSION_PAUSE = 0.05


class Link:
    """The connection to one target. Reopened when it broke and is needed again."""

    def __init__(self, target: Target, links: Links) -> None:
        self.target = target
        self._links = links
        self._lock = threading.Lock()
        self._connection: fabric.Connection | None = None
        self._failure: tuple[float, HostError] | None = None

    @property
    def alive(self) -> bool:
        """Whether the connection is open, as far as this side knows."""
        return self._connection is not None and bool(self._connection.is_connected)

    @property
    def peer(self) -> str | None:
        """The IP address to which the open connection leads; None where it goes through a jump host or a command."""
        if self.target.via is not None or self.target.command is not None or not self.alive:
            return None
        assert self._connection is not None  # noqa: S101 - it is alive
        wire = self._connection.transport.sock
        with suppress(OSError):  # it breaks just now
            return str(wire.getpeername()[0]).partition("%")[0]
        return None

    def connect(self) -> Transport:
        """Return the open connection's transport, opening it when needed.

        Raises:
            HostError: its kinds, by what went wrong.
        """
        with self._lock:
            if self._connection is None or not self._connection.is_connected:
                self._connection = self._open()
            transport: Transport = self._connection.transport
            return transport

    def session(self) -> paramiko.Channel:
        """Return a new channel for one command; waits while sshd has its fill of them (MaxSessions, 10 by default).

        Raises:
            UnreachableError: the connection broke, or sshd opened no session within the connect time-out.
        """

        def opened() -> paramiko.Channel | None:
            try:
                return self._channel(lambda transport: transport.open_command(timeout=self.target.timeout))
            except paramiko.ChannelException:
                return None

        limit = self.target.timeout
        found = look_until(self._links.clock, opened, lambda one: one is not None, limit=limit, every=_SESSION_PAUSE)
        if found is None:
            raise ssh_errors.no_session(self.target)
        return found

    def tunnel(self, target: Target) -> paramiko.Channel:
        """Return a channel to another server's port, from here."""
        transport = self.connect()
        try:
            return transport.open_port(target.hostname, target.port, timeout=target.timeout)
        except paramiko.ChannelException as error:
            raise ssh_errors.tunnel_refused(target, self.target, error) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise ssh_errors.unreachable(target, error) from None

    def opens(self, hostname: str, port: int) -> bool | None:
        """Return whether a TCP port takes a connection from here; None where this server does not try."""
        try:
            self.connect().open_port(hostname, port, timeout=self.target.timeout).close()
        except paramiko.ChannelException as error:
            return None if error.code == paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED else False
        except TimeoutError:
            return False
        except (HostError, paramiko.SSHException, OSError, EOFError):
            return None
        return True

    def unix_socket(self, path: str) -> paramiko.Channel:
        """Return a channel to a Unix socket there; raises ``paramiko.ChannelException`` when sshd refuses."""
        return self._channel(lambda transport: transport.open_unix_socket(path, timeout=self.target.timeout))

    def close(self) -> None:
        """Close the connection; every wait on it ends."""
        connection = self._connection
        if connection is not None:
            connection.close()

    def _channel(self, opened: Callable[[Transport], paramiko.Channel]) -> paramiko.Channel:
        transport = self.connect()
        try:
            return opened(transport)
        except paramiko.ChannelException:
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise ssh_errors.lost(self.target.label, error) from error

    def _open(self) -> fabric.Connection:
        now = self._links.clock.monotonic()
        if self._failure is not None and now - self._failure[0] < COOL_DOWN:
            raise self._failure[1]
        try:
            connection = self._links.dialer.dial(self.target, self._links)
        except HostError as error:
            self._failure = (self._links.clock.monotonic(), error)
            raise
        if self._links.closed:  # while it was opened: nothing else would close it
            connection.close()
            raise ssh_errors.run_ended(self.target)
        self._failure = None
        return connection


class Links:
    """All connections of one run."""

    def __init__(self, dialer: Dialer, clock: Clock) -> None:
        self.dialer = dialer
        self.clock = clock
        self._lock = threading.Lock()
        self._links: dict[Target, Link] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the run is over."""
        return self._closed

    def to(self, target: Target) -> Link:
        """Return the link to a target; equal logins share one."""
        with self._lock:
            if self._closed:
                raise ssh_errors.run_ended(target)
            if target not in self._links:
                self._links[target] = Link(target, self)
            return self._links[target]

    def tunnel(self, target: Target) -> paramiko.Channel:
        """Return a channel to ``target`` through its jump host."""
        if target.via is None:
            raise ValueError(f"{target.label} has no jump host")
        try:
            jump = self.to(target.via)
            jump.connect()
        except HostError as error:
            raise ssh_errors.jump_failed(target, error) from None
        return jump.tunnel(target)

    def host_key(self, target: Target) -> paramiko.PKey:
        """Return the key that a server presents; logs in to its jump hosts, not to itself."""
        return self.dialer.host_key(target, self)

    def close(self) -> None:
        """Close all of them, and begin no new one."""
        self.dialer.stop()
        with self._lock:
            self._closed = True
            links = list(self._links.values())
        for link in links:
            link.close()
