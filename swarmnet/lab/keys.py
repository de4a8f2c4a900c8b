"""The lab's own SSH keys: one for the operator, one host key per host, and the known_hosts to match.

Host keys are made here and not by the host, so that the very first connection can be strict.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An Ed25519 key in OpenSSH's formats."""

    private: bytes
    public: str

    def __repr__(self) -> str:
        return f"KeyPair(private=***, public={self.public!r})"

    @classmethod
    def generate(cls, comment: str) -> KeyPair:
        """Return a fresh key."""
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        return cls(private, f"{public.decode('ascii')} {comment}")

    def write(self, path: Path) -> None:
        """Write the private key to ``path`` (mode 0600 from its first byte) and the public one next to it."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(self.private)
        path.with_name(path.name + ".pub").write_text(self.public + "\n", encoding="utf-8")


def known_hosts_line(address: str, key: KeyPair) -> str:
    """Return the known_hosts line of a host on port 22."""
    kind, blob, *_ = key.public.split()
    return f"{address} {kind} {blob}"
