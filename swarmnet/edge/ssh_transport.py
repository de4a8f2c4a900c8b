"""paramiko's transport with two changes: cheaper algorithms first, and channels to Unix sockets.

paramiko has no public call for ``direct-streamlocal@openssh.com`` (OpenSSH, PROTOCOL section 2.4), so this one file
uses its private parts; ``tests/edge/test_ssh_socket.py`` holds it against a real sshd.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.common import cMSG_CHANNEL_OPEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.edge.known_hosts import KnownKey

KEEPALIVE = 15
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

    def prefer(self, known: tuple[KnownKey, ...]) -> None:
        """Ask the server first for the kinds of key that known_hosts holds, as ssh does.

        Else a host known by its RSA key would present its Ed25519 key, and look changed.
        """
        wanted = [kind for key in known for kind in (_RSA if key.kind == "ssh-rsa" else (key.kind,))]
        options = self.get_security_options()
        offered = list(options.key_types)
        first = [kind for kind in dict.fromkeys(wanted) if kind in offered]
        options.key_types = tuple(first + [kind for kind in offered if kind not in first])

    def open_unix_socket(self, path: str, *, timeout: float) -> paramiko.Channel:
        """Return a channel that sshd has connected to a Unix socket on its host.

        Raises:
            paramiko.ChannelException: sshd refuses; it does not tell a forbidden forwarding from a closed socket.
            paramiko.SSHException: the connection broke, or no answer within ``timeout`` seconds.
        """
        if not self.active:
            raise paramiko.SSHException("SSH session not active")
        with self.lock:
            number = self._next_channel()
            window = self._sanitize_window_size(None)
            packet = self._sanitize_packet_size(None)
            channel: Any = paramiko.Channel(number)
            self._channels.put(number, channel)
            self.channel_events[number] = answered = threading.Event()
            self.channels_seen[number] = True
            channel._set_transport(self)  # noqa: SLF001 - as above
            channel._set_window(window, packet)  # noqa: SLF001 - as above
        message = paramiko.Message()
        message.add_byte(cMSG_CHANNEL_OPEN)
        message.add_string("direct-streamlocal@openssh.com")
        for field in (number, window, packet):
            message.add_int(field)
        message.add_string(path)
        message.add_string("")
        message.add_int(0)
        self._send_user_message(message)
        if not answered.wait(timeout) and self.active:
            raise paramiko.SSHException(f"no answer to opening {path} within {timeout:g} s")
        opened: paramiko.Channel | None = self._channels.get(number)
        if opened is None or not self.active:
            raise self.get_exception() or paramiko.SSHException("unable to open channel")
        return opened
