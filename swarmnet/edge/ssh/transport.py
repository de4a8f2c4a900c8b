"""paramiko's transport with channels opened our way.

paramiko has no public call for ``direct-streamlocal@openssh.com`` (OpenSSH, PROTOCOL section 2.4), and keeps one
refusal for the whole connection: of two threads that are refused a channel at once, one hears nothing. So this one
file uses its private parts; ``tests/edge`` holds it against a real sshd.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.common import cMSG_CHANNEL_OPEN

from swarmnet.edge.ssh.channel import Channel
from swarmnet.edge.ssh.known_hosts import Marker
from swarmnet.edge.ssh.patterns import matches_list

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from swarmnet.edge.ssh.known_hosts import KnownKey
    from swarmnet.edge.ssh.target import Algorithms

KEEPALIVE = 10
"""Seconds between keep-alives: a host that vanished is noticed, an idle NAT entry stays."""

_RSA = ("rsa-sha2-512", "rsa-sha2-256")
_CERTIFICATE = "-cert-v01@openssh.com"


def choose(spec: str, offered: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the algorithms of ssh's notation: a list, or one that is added (+), taken out (-) or put first (^)."""
    sign, names = (spec[0], spec[1:]) if spec[:1] in ("+", "-", "^") else ("", spec)
    if sign == "-":
        return tuple(name for name in offered if not matches_list(name, names))
    listed = [name for name in names.split(",") if name in known]
    if sign == "+":
        return tuple(dict.fromkeys((*offered, *listed)))
    return tuple(dict.fromkeys((*listed, *(offered if sign == "^" else ()))))


class NotExchangedError(paramiko.SSHException):
    """The server sent its banner, and then did not exchange keys in time. paramiko has no error for that."""


class Transport(paramiko.Transport):
    """One SSH connection.

    AES-GCM authenticates while it encrypts, in C; ``aes-ctr`` with a MAC costs a second pass for each packet. The
    key exchanges stay in paramiko's order, post-quantum first: measured, none of them is cheaper (a login takes 6 ms
    of processor time with each; 20 hosts at once 0.4 s).
    """

    # What is used of paramiko's inside; its type stubs leave these out.
    active: bool
    initial_kex_done: bool
    _channels: Any
    _next_channel: Callable[[], int]
    _sanitize_window_size: Callable[[int | None], int]
    _sanitize_packet_size: Callable[[int | None], int]
    _send_user_message: Callable[[paramiko.Message], None]
    _cipher_info: dict[str, Any]
    _mac_info: dict[str, Any]
    _kex_info: dict[str, Any]
    _key_info: dict[str, Any]

    _preferred_ciphers = (
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
    )
    # MD5 and SHA-1 only where ssh_config asks for them (``MACs``).
    _preferred_macs = (
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
    )

    def __init__(self, sock: socket.socket | tuple[str, int], **options: Any) -> None:  # noqa: ANN401 - handed on to paramiko
        super().__init__(sock, **options)
        self._refusals: dict[int, paramiko.ChannelException] = {}
        self._certificates_first = False
        self.exchanged_after = 0.0
        """Seconds that the banner and the key exchange took."""

    def start_client(self, event: threading.Event | None = None, timeout: float | None = None) -> None:
        """Exchange keys, as paramiko does; raises ``NotExchangedError`` where paramiko only stops waiting."""
        begun = time.monotonic()
        super().start_client(event, timeout)
        if event is None and not self.initial_kex_done:
            raise NotExchangedError
        self.exchanged_after = time.monotonic() - begun

    def prefer(self, known: Sequence[KnownKey]) -> None:
        """Ask the server first for the kinds of key that known_hosts holds, as ssh does.

        Else a host known by its RSA key would present its Ed25519 key, and look changed. Where an authority is known,
        certificates of all kinds go first.
        """
        plain = [key for key in known if key.marker is Marker.NONE]
        wanted = [kind for key in plain for kind in (_RSA if key.kind == "ssh-rsa" else (key.kind,))]
        options = self.get_security_options()
        offered = list(options.key_types)
        first = [kind for kind in dict.fromkeys(wanted) if kind in offered]
        options.key_types = tuple(first + [kind for kind in offered if kind not in first])
        self._certificates_first = any(key.marker is Marker.AUTHORITY for key in known)

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """The kinds of host key to ask for, best first; read by paramiko when keys are exchanged."""
        plain = self.get_security_options().key_types
        signed = tuple(f"{kind}{_CERTIFICATE}" for kind in plain)
        return (*signed, *plain) if self._certificates_first else (*plain, *signed)

    def offer(self, wanted: Algorithms) -> None:
        """Offer what ssh_config asks for, as far as it is known here.

        Raises:
            paramiko.SSHException: nothing of what it asks for is.
        """
        options: Any = self.get_security_options()
        for kind, spec, known in (
            ("ciphers", wanted.ciphers, self._cipher_info),
            ("digests", wanted.macs, self._mac_info),
            ("kex", wanted.key_exchanges, self._kex_info),
            ("key_types", wanted.host_keys, self._key_info),
        ):
            if spec is not None:
                names = [name for name in known if not name.endswith(_CERTIFICATE)]
                chosen = choose(spec, getattr(options, kind), names)
                if not chosen:
                    raise paramiko.SSHException(f"none of the {kind} of ssh_config is known here: {spec}")
                setattr(options, kind, chosen)

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
            paramiko.SSHException: the connection broke.
            TimeoutError: no answer within ``timeout`` seconds.
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
            raise TimeoutError(f"no answer to opening a channel within {timeout:g} s")
        refusal = self._refusals.pop(channel.chanid, None)
        if refusal is not None:
            raise refusal
        if not self.active:
            # Not get_exception: it gives the cause to the first thread that asks, and every one needs it.
            raise self.saved_exception or paramiko.SSHException("it was closed")
        return channel

    def _enter_channel(self) -> tuple[paramiko.Channel, threading.Event]:
        with self.lock:
            number = self._next_channel()
            channel: Any = Channel(number)
            self._channels.put(number, channel)
            self.channel_events[number] = answered = threading.Event()
            self.channels_seen[number] = True
            channel._set_transport(self)  # noqa: SLF001 - see the module's docstring
            channel._set_window(self._sanitize_window_size(None), self._sanitize_packet_size(None))  # noqa: SLF001
        return channel, answered

    def _parse_channel_open_failure(self, message: paramiko.Message) -> None:
        """Take in a refusal, instead of paramiko's method of this name."""
        number, reason, text = message.get_int(), message.get_int(), message.get_text()
        with self.lock:
            self._refusals[number] = paramiko.ChannelException(reason, text)
            self._channels.delete(number)
            answered = self.channel_events.pop(number, None)
        if answered is not None:
            answered.set()
