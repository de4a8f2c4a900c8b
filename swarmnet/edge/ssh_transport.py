"""paramiko's transport with channels opened our way.

paramiko has no public call for ``direct-streamlocal@openssh.com`` (OpenSSH, PROTOCOL section 2.4), and keeps one
refusal for the whole connection: of two threads that are refused a channel at once, one is told nothing. So this one
file uses its private parts; ``tests/edge`` holds it against a real sshd.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.common import cMSG_CHANNEL_OPEN

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from swarmnet.edge.known_hosts import KnownKey

KEEPALIVE = 10
"""Seconds between keep-alives: a host that vanished is noticed, an idle NAT entry stays."""

_RSA = ("rsa-sha2-512", "rsa-sha2-256")


class Transport(paramiko.Transport):
    """One SSH connection.

    AES-GCM authenticates while it encrypts, in C; ``aes-ctr`` with a MAC costs a second pass for each packet. The
    key exchanges stay in paramiko's order, post-quantum first: measured, none of them is cheaper (a login takes 6 ms
    of processor time with each; 20 hosts at once 0.4 s).
    """

    # What is used of paramiko's inside; its type stubs leave these out.
    active: bool
    _channels: Any
    _next_channel: Callable[[], int]
    _sanitize_window_size: Callable[[int | None], int]
    _sanitize_packet_size: Callable[[int | None], int]
    _send_user_message: Callable[[paramiko.Message], None]

    _preferred_ciphers = (
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
    )

    def __init__(self, sock: socket.socket | tuple[str, int], **options: Any) -> None:  # noqa: ANN401 - handed on to paramiko
        super().__init__(sock, **options)
        self._refusals: dict[int, paramiko.ChannelException] = {}

    def prefer(self, known: tuple[KnownKey, ...]) -> None:
        """Ask the server first for the kinds of key that known_hosts holds, as ssh does.

        Else a host known by its RSA key would present its Ed25519 key, and look changed.
        """
        wanted = [kind for key in known for kind in (_RSA if key.kind == "ssh-rsa" else (key.kind,))]
        options = self.get_security_options()
        offered = list(options.key_types)
        first = [kind for kind in dict.fromkeys(wanted) if kind in offered]
        options.key_types = tuple(first + [kind for kind in offered if kind not in first])

    def open_command(self, *, timeout: float) -> paramiko.Channel:
        """Return a channel for one command; raises as :meth:`open_unix_socket` does."""
        return self._open("session", (), timeout)

    def open_port(self, host: str, port: int, *, timeout: float) -> paramiko.Channel:
        """Return a channel that sshd has connected to a TCP port; raises as :meth:`open_unix_socket` does."""
        return self._open("direct-tcpip", (host, port, "", 0), timeout)

    def open_unix_socket(self, path: str, *, timeout: float) -> paramiko.Channel:
        """Return a channel that sshd has connected to a Unix socket on its host.

        Raises:
            paramiko.ChannelException: sshd refuses; it does not tell a forbidden forwarding from a closed socket.
            paramiko.SSHException: the connection broke, or no answer within ``timeout`` seconds.
        """
        return self._open("direct-streamlocal@openssh.com", (path, "", 0), timeout)

    def _open(self, kind: str, fields: tuple[str | int, ...], timeout: float) -> paramiko.Channel:
        if not self.active:
            raise paramiko.SSHException("it is closed")
        channel, answered = self._enter_channel()
        message = paramiko.Message()
        message.add_byte(cMSG_CHANNEL_OPEN)
        sizes = (self._sanitize_window_size(None), self._sanitize_packet_size(None))
        for field in (kind, channel.chanid, *sizes, *fields):
            if isinstance(field, str):
                message.add_string(field)
            else:
                message.add_int(field)
        self._send_user_message(message)
        if not answered.wait(timeout):
            self._channels.delete(channel.chanid)
            raise paramiko.SSHException(f"no answer to opening a channel within {timeout:g} s")
        refusal = self._refusals.pop(channel.chanid, None)
        if refusal is not None:
            raise refusal
        if not self.active:
            raise self.get_exception() or paramiko.SSHException("it was closed")
        return channel

    def _enter_channel(self) -> tuple[paramiko.Channel, threading.Event]:
        with self.lock:
            number = self._next_channel()
            channel: Any = paramiko.Channel(number)
            self._channels.put(number, channel)
            self.channel_events[number] = answered = threading.Event()
            self.channels_seen[number] = True
            channel._set_transport(self)  # noqa: SLF001 - see the module's docstring
            channel._set_window(self._sanitize_window_size(None), self._sanitize_packet_size(None))  # noqa: SLF001
        return channel, answered

    def _parse_channel_open_failure(self, message: paramiko.Message) -> None:
        """Take in a refusal, in the place of paramiko's method of this name."""
        number, reason, text = message.get_int(), message.get_int(), message.get_text()
        with self.lock:
            self._refusals[number] = paramiko.ChannelException(reason, text)
            self._channels.delete(number)
            answered = self.channel_events.pop(number, None)
        if answered is not None:
            answered.set()
