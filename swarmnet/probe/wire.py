"""What client and server say to each other: small JSON datagrams, and TCP streams that begin with one JSON line."""

from __future__ import annotations

import json
import socket
import time

PORT = 7946 + 10000
"""UDP and TCP port of the server, inside its own network namespace: nothing of the host's can be in the way."""
TCP_BYTES = 1024 * 1024
LINE_LIMIT = 4096


def endpoint(target: str) -> tuple[str, int]:
    """Return address and port of ``ADDRESS`` (the probe's own port) or ``ADDRESS:PORT``, as of a published port."""
    host, _, port = target.partition(":")
    return host, int(port or PORT)


def family(address: str) -> socket.AddressFamily:
    """Return the family of an address: IPv6 has colons."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def encode(message: dict[str, object]) -> bytes:
    """Return a message as bytes, without a line's end."""
    return json.dumps(message, separators=(",", ":")).encode()


def decode(data: bytes) -> dict[str, object] | None:
    """Return the message in ``data``, None when it is none of ours."""
    try:
        message = json.loads(data)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def read_line(stream: socket.socket, until: float) -> bytes:
    """Read up to a line's end, byte by byte; stops at ``until`` (monotonic) or at the end of the stream."""
    line = bytearray()
    while len(line) < LINE_LIMIT and not line.endswith(b"\n"):
        stream.settimeout(max(0.01, until - time.monotonic()))
        byte = stream.recv(1)
        if not byte:
            break
        line += byte
    return bytes(line)


def payload(nonce: str) -> bytes:
    """Return 1 MiB that both ends can tell apart from any other run's."""
    block = (nonce.encode() + bytes(range(256)) * 16)[:4093]
    return (block * (TCP_BYTES // len(block) + 1))[:TCP_BYTES]
