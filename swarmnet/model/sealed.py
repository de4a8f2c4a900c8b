"""Sealed backups and where they lie, as logic sees them; the real ones are in ``swarmnet.edge``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pydantic import AwareDatetime, Field

from swarmnet.model.backup import Reason
from swarmnet.model.base import Count, Document

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from swarmnet.model.backup import BackupDocument


class SealedHeader(Document):
    """What a sealed backup tells without a key. It is signed, and binds the sealed part by its digest.

    No digest of the plain text is here: with it, somebody without a key could confirm a guess of what is inside.
    """

    container: int = Field(ge=1)
    """Layout of the file; the schema inside has its own number."""
    schema_version: str
    id: str = Field(pattern="^[0-9a-f]{32}$")
    created: AwareDatetime
    tool: str
    cluster: str
    reason: Reason
    tags: tuple[str, ...] = ()
    complete: bool
    recipients: tuple[str, ...]
    """Fingerprints of those who can open it."""
    signer: str
    """The signer's Ed25519 public key, 64 hex digits."""
    sealed_bytes: Count
    sealed_sha256: str = Field(pattern="^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One backup of a repository. ``header`` None with a ``problem`` when it cannot be trusted."""

    path: Path
    name: str
    """Time and short id: what ``backup list`` shows and every command accepts, also shortened."""
    created: datetime
    """From the name; the signed time is in the header."""
    size: int
    header: SealedHeader | None = None
    problem: str | None = None


class Vault(Protocol):
    """Seals documents to several recipients and opens them again."""

    @property
    def can_open(self) -> bool:
        """True when an identity is at hand."""

    def seal(self, document: BackupDocument) -> bytes:
        """Return the sealed file's bytes; what is returned was opened again and compared."""

    def header(self, blob: bytes) -> SealedHeader:
        """Check everything that can be checked without an identity, and return the header.

        Raises:
            DamagedError: a byte was changed, cut or added.
            WrongKeyError: sound, but its signer is not trusted here.
            SchemaError: sound, but of a newer layout or major schema.
        """

    def open(self, blob: bytes) -> BackupDocument:
        """Check the signature, decrypt, check the inner signature and the hashes, read the schema: in this order.

        Raises:
            DamagedError: a byte was changed, cut or added.
            WrongKeyError: no identity fits, or the signer is not trusted.
            SchemaError: sound, but of a schema that this version does not read.
        """


class Repository(Protocol):
    """Backups of several clusters in one place."""

    def locked(self, cluster: str) -> AbstractContextManager[None]:
        """Hold the cluster's lock; raises ``LockedError`` with who holds it and since when."""

    def write(self, document: BackupDocument, blob: bytes, *, check: Callable[[bytes], object]) -> Path:
        """Write atomically; ``check`` gets the bytes read back from disk and raises when they are not right."""

    def entries(self, cluster: str | None = None) -> tuple[Entry, ...]:
        """Return the backups, newest first, of one cluster or of all; nothing is opened."""

    def find(self, reference: str, *, cluster: str | None = None) -> Entry:
        """Return the backup that a path, ``latest``, a name or the unique beginning of a name or id means.

        Raises:
            BackupNotFoundError: none does, or several do.
        """

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a backup."""

    def remove(self, entry: Entry) -> None:
        """Remove a backup for good."""
