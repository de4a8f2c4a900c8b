"""Opens connections: TCP, host key, login; bounded, with attempts, and every failure by its name."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import threading
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import fabric
import paramiko
import tenacity

from swarmnet.edge.operator.children import child_environment
from swarmnet.edge.ssh import errors as ssh_errors
from swarmnet.edge.ssh.keys import LEAST, Login
from swarmnet.edge.ssh.transport import KEEPALIVE, Transport
from swarmnet.errors import AuthenticationError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from swarmnet.edge.ssh.keys import LoginKeys
    from swarmnet.edge.ssh.known_hosts import KnownHosts
    from swarmnet.edge.ssh.target import Target

    T = TypeVar("T")
    Wire = socket.socket | paramiko.Channel

STARTS = 20
"""Logins under way at once, in all. More do not help: the handshake is work for this machine's processor."""
STARTS_PER_SERVER = 8
"""Logins under way at once to one sshd, which begins to drop them at ten (MaxStartups 10:30:100), or through it."""
UNANSWERED = 20
"""Seconds after which a connection is dead whose packets (keep-alives, at least) are not acknowledged."""
_PAUSE = 0.3
_GRACE = 0.3
"""Seconds by which the limit of the key exchange is longer than that of the banner, whose error says more."""


class Tunnels(Protocol):
    """Gives channels through a jump host."""

    def tunnel(self, target: Target) -> paramiko.Channel:
        """Return a channel to ``target``'s port, opened by its jump host."""


class Refusal(paramiko.MissingHostKeyPolicy):
    """Holds every key against known_hosts; replaces Fabric's policy, which accepts anything."""

    def __init__(self, target: Target, known: KnownHosts) -> None:
        self._target = target
        self._known = known

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        """Return when the key is the host's, else raise ``HostKeyError``."""
        self._known.verify(self._target.label, key, self._target.trust)


class Dialer:
    """Opens connections for one run; :meth:`stop` ends attempts that are under way."""

    def __init__(self, ring: LoginKeys, known: KnownHosts, patience: float | None = None) -> None:
        """Prepare; ``patience`` are seconds for all attempts of a host together, and None leaves each its own."""
        self._patience = patience
        self._ring = ring
        self._known = known
        self._stopped = threading.Event()
        self._starts = threading.BoundedSemaphore(STARTS)
        self._places: dict[tuple[str, int, str], threading.BoundedSemaphore] = {}
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Begin no further attempt."""
        self._stopped.set()

    def dial(self, target: Target, tunnels: Tunnels) -> fabric.Connection:
        """Return an open connection.

        Raises:
            UnreachableError: no attempt came through; the sentence is that of the last one.
            AuthenticationError: the host took none of the keys; not tried again.
            HostKeyError: the host's key is unknown or changed; not tried again.
        """
        begun = time.monotonic()
        stops = [tenacity.stop_after_attempt(target.attempts), tenacity.stop_when_event_set(self._stopped)]
        if self._patience is not None:
            stops.append(tenacity.stop_before_delay(self._patience))
        attempts: tenacity.Retrying = tenacity.Retrying(
            stop=tenacity.stop_any(*stops),
            wait=tenacity.wait_exponential(multiplier=_PAUSE, max=5) + tenacity.wait_random(0, _PAUSE),
            retry=tenacity.retry_if_exception(_may_pass),
            sleep=tenacity.sleep_using_event(self._stopped),
            reraise=True,
        )
        connection: fabric.Connection = attempts(self._attempt, target, tunnels, begun)
        return connection

    def _attempt(self, target: Target, tunnels: Tunnels, begun: float) -> fabric.Connection:
        if self._patience is not None:
            # In whole seconds: an error says that it waited for what the operator gave, not for what the clock left.
            left = max(math.ceil(begun + self._patience - time.monotonic()), LEAST)
            target = replace(target, timeout=min(target.timeout, left))
        return self._reach(target, tunnels, self._login)

    def host_key(self, target: Target, tunnels: Tunnels) -> paramiko.PKey:
        """Return the key that a server presents; without a login. One attempt.

        Raises:
            UnreachableError: it does not get that far.
        """
        return self._reach(target, tunnels, self._presented)

    def _reach(self, target: Target, tunnels: Tunnels, finish: Callable[[Target, Wire, float], T]) -> T:
        if self._stopped.is_set():
            raise ssh_errors.run_ended(target)
        if target.via is None:
            with self._places_at(target, "to"):
                begun = time.monotonic()
                wire = self._wire(target, tunnels)
                left = target.timeout - (time.monotonic() - begun)
                # Only now: hosts that are silent must not hold the turns of those that answer.
                with self._starts:
                    return finish(target, wire, max(left, LEAST))
        # Places of another kind: the jump host's own login must not wait for those that its guests hold.
        with self._places_at(target.via, "through"):
            begun = time.monotonic()
            wire = self._wire(target, tunnels)
            return finish(target, wire, max(target.timeout - (time.monotonic() - begun), LEAST))

    def _places_at(self, server: Target, way: str) -> threading.BoundedSemaphore:
        with self._lock:
            fresh = threading.BoundedSemaphore(STARTS_PER_SERVER)
            return self._places.setdefault((server.hostname, server.port, way), fresh)

    def _wire(self, target: Target, tunnels: Tunnels) -> Wire:
        if target.via is not None:
            return tunnels.tunnel(target)
        if target.command is not None:
            return _run_proxy(target.command)
        try:
            wire = _connect(target)
        except (OSError, UnicodeError) as error:
            raise ssh_errors.unreachable(target, error) from None
        _keep_alive(wire)
        return wire

    def _presented(self, target: Target, wire: Wire, limit: float) -> paramiko.PKey:
        try:
            transport = self._transport(target, wire, limit)
            try:
                transport.start_client(timeout=limit + _GRACE)
                return transport.get_remote_server_key()
            finally:
                transport.close()
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise ssh_errors.unreachable(target, error) from None
        finally:
            wire.close()

    def _transport(self, target: Target, wire: Wire, limit: float, **options: object) -> Transport:
        made = Transport(wire, **options)  # type: ignore[arg-type]  # a channel serves as a socket
        made.offer(target.algorithms)
        made.prefer(self._known.keys(target.trust))
        made.banner_timeout = limit
        made.handshake_timeout = limit * 2  # start_client's own limit comes first: paramiko says nothing of this one
        return made

    def _login(self, target: Target, wire: Wire, limit: float) -> fabric.Connection:
        login = Login(target, self._ring)
        connection = self._prepare(target, wire, login, limit)
        opened = False
        try:
            connection.open()
            opened = _let_in(target, connection)
            connection.transport.set_keepalive(KEEPALIVE if target.keepalive is None else target.keepalive)
        except paramiko.AuthenticationException:
            if login.unanswered:
                raise ssh_errors.login_unanswered(target) from None
            raise ssh_errors.not_let_in(target, login.tried, cut_off=login.cut_off) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise ssh_errors.unreachable(target, error) from None
        finally:
            login.close()
            if not opened:
                connection.client.close()
                wire.close()
        return connection

    def _prepare(self, target: Target, wire: Wire, login: Login, limit: float) -> fabric.Connection:
        connection = fabric.Connection(
            target.hostname,
            user=target.user,
            port=target.port,
            # An empty ssh_config and a lazy one: ~/.fabric.yml and /etc/fabric.yml have no say here.
            config=fabric.Config(lazy=True, ssh_config=paramiko.SSHConfig()),
            connect_kwargs={
                "sock": wire,
                "transport_factory": partial(self._transport, target, limit=limit),
                "auth_strategy": login,
                "timeout": limit + _GRACE,
                "banner_timeout": limit,
                "channel_timeout": target.timeout,
            },
        )
        connection.client.set_missing_host_key_policy(Refusal(target, self._known))
        return connection


def _may_pass(error: BaseException) -> bool:
    """Return whether another attempt can end otherwise: a wrong key or name stays wrong.

    One after a time-out would double what a dead host costs everyone, and TCP has asked four times in ten seconds.
    """
    hopeless = (ssh_errors.NameUnknownError, ssh_errors.SilentError)
    return isinstance(error, UnreachableError) and not isinstance(error, hopeless)


def _connect(target: Target) -> socket.socket:
    """Open a TCP connection to the first address that takes it; raises ``OSError`` with what the last one said.

    The addresses share the time-out: each gets its part of what is left.
    """
    failure: OSError | None = None
    found = socket.getaddrinfo(target.hostname, target.port, target.family, socket.SOCK_STREAM)
    end = time.monotonic() + target.timeout
    for number, (family, kind, protocol, _, address) in enumerate(found):
        wire = socket.socket(family, kind, protocol)
        try:
            wire.settimeout(max((end - time.monotonic()) / (len(found) - number), LEAST / 10))
            if target.bind is not None:
                wire.bind((target.bind, 0))
            wire.connect(address)
        except OSError as error:
            wire.close()
            failure = error
        else:
            return wire
    raise failure or OSError(f"{target.hostname} has no address")


def _keep_alive(wire: socket.socket) -> None:
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # macOS has not got it; there a vanished host is noticed by TCP's own, later limit.
    unanswered = getattr(socket, "TCP_USER_TIMEOUT", None)
    if unanswered is not None:
        wire.setsockopt(socket.IPPROTO_TCP, unanswered, UNANSWERED * 1000)


def _let_in(target: Target, connection: fabric.Connection) -> bool:
    if connection.transport.is_authenticated():
        return True
    raise AuthenticationError(
        target.label,
        f"{target.place}: the key was accepted, but sshd asks for a password or code as well",
        hint="AuthenticationMethods publickey in its sshd_config, for this user",
    )


def _run_proxy(command: str) -> socket.socket:
    """Start a ProxyCommand, as ssh does by a shell, and return the socket that is its stdin and stdout.

    paramiko's own ProxyCommand spins when the command has ended.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            env=child_environment(os.environ),
        )
    threading.Thread(target=process.wait, name="proxy-command", daemon=True).start()
    return ours
