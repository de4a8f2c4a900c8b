"""What hosts answer the scheduler of a swarm, sealed: the logs of a service are read by everyone who asks a manager."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import pyrage

from swarmnet.errors import DamagedError, UsageError

LARGEST = 64 * 1024 * 1024
"""Bytes of one answer that are unpacked at most."""


@dataclass(frozen=True, slots=True)
class AgeEnvelope:
    """An age identity that is in memory only, for one run."""

    identity: pyrage.x25519.Identity = field(default_factory=pyrage.x25519.Identity.generate, repr=False)

    @property
    def public(self) -> str:
        """The recipient that hosts seal to."""
        return str(self.identity.to_public())

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed; raises ``DamagedError`` where that is something else, or far too much."""
        unpacker = zlib.decompressobj()
        try:
            plain = unpacker.decompress(pyrage.decrypt(sealed, [self.identity]), LARGEST)
        except (pyrage.DecryptError, zlib.error) as error:
            raise DamagedError(f"the answer cannot be opened: {error}") from None
        if not unpacker.eof:
            raise DamagedError("the answer is cut, or unpacks to more than any host has")
        return bytes(plain)


def enclosed(data: bytes, public: str) -> bytes:
    """Return data that only the identity of this recipient opens; raises ``UsageError`` where it is none."""
    try:
        recipient = pyrage.x25519.Recipient.from_str(public)
    except pyrage.RecipientError:
        raise UsageError(f"{public!r} is not a public key of age") from None
    return bytes(pyrage.encrypt(zlib.compress(data, 9), [recipient]))
