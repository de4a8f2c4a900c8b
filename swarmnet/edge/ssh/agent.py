"""The ssh-agent's keys, and the public halves of key files that tell which of them it holds."""

from __future__ import annotations

import base64
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.agent import AgentSSH
from paramiko.pkey import PublicBlob

from swarmnet.edge.operator.owned_files import read_regular
from swarmnet.edge.ssh.certificates import is_certificate

if TYPE_CHECKING:
    from pathlib import Path

AGENT_TIMEOUT = 60.0
"""Seconds for one answer: a person may have to touch or confirm something."""
_MAGIC = b"openssh-key-v1\0"


class Agent(AgentSSH):
    """A connection to the agent behind one socket; paramiko's own knows ``SSH_AUTH_SOCK`` alone."""

    _connect: Any
    _close: Any

    def __init__(self, path: str) -> None:
        """Read the agent's keys; raises ``OSError`` or ``paramiko.SSHException`` when there is none."""
        super().__init__()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(AGENT_TIMEOUT)
        try:
            connection.connect(path)
            self._connect(connection)
        except (OSError, paramiko.SSHException):
            connection.close()
            raise

    def close(self) -> None:
        """Let go of the agent."""
        self._close()

    def keys(self) -> list[paramiko.AgentKey]:
        """Return the keys in the agent's order; certificates are sent as such."""
        found = list(self.get_keys())
        for key in found:
            if is_certificate(key.name):
                key.public_blob = PublicBlob(key.name, key.blob)  # type: ignore[assignment]  # the stubs have it None
        return found


@dataclass(frozen=True, slots=True)
class PublicHalf:
    """What a public key file holds."""

    kind: str
    blob: bytes


def public_file(path: Path) -> PublicHalf | None:
    """Return the public key or certificate in a file, None when it holds none."""
    try:
        words = read_regular(path).split()
        kind, blob = words[0].decode("ascii"), base64.b64decode(words[1], validate=True)
    except (OSError, ValueError, IndexError):
        return None
    return PublicHalf(kind, blob) if blob.startswith(struct.pack(">I", len(kind)) + kind.encode()) else None


def public_half(path: Path) -> bytes:
    """Return the public half of a key file: from the ``.pub`` next to it, or the file itself.

    Empty when there is none: the old formats of private keys have it locked.
    """
    found = public_file(path.with_name(f"{path.name}.pub")) or public_file(path)
    if found is not None:
        return found.blob
    try:
        return _in_clear(read_regular(path))
    except (OSError, ValueError, struct.error):
        return b""


def _in_clear(content: bytes) -> bytes:
    """Return the public key of an OpenSSH private key (PROTOCOL.key, section 1)."""
    lines = content.strip().splitlines()
    data = base64.b64decode(b"".join(lines[1:-1]))
    if not data.startswith(_MAGIC):
        return b""
    rest = data[len(_MAGIC) :]
    for _ in ("cipher", "key derivation", "its options"):
        rest = rest[4 + struct.unpack_from(">I", rest)[0] :]
    (length,) = struct.unpack_from(">I", rest, 4)  # behind the number of keys
    return rest[8 : 8 + length]
