"""Sealed backups and where they lie, as logic sees them; the real ones are in ``swarmnet.edge``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from pydantic import AwareDatetime, Field, StrictInt, field_validator

from swarmnet.model.backup import Reason
from swarmnet.model.base import Count, Document, Flag

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import BinaryIO

    from swarmnet.errors import SwarmnetError
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.raft_archive import RaftManifest

    Sink = Callable[[bytes], object]
    """Takes parts of something that is too large to be whole in memory."""


HEAD = 66 * 1024
"""Bytes at the beginning of a file that hold its header; a longer header is not that of a backup."""


RAFT_CONTAINER = 3
"""The layout of a file that holds a manager's raft state."""


class SealedHeader(Document):
    """What a sealed backup tells without a key. It is signed, and binds the sealed part by its digest.

    There is no digest of the plain text: with it, anyone without a key could confirm a guess of the contents.
    """

    container: StrictInt = Field(ge=1)
    """Layout of the file; the schema inside has its own number."""
    schema_version: str = Field(pattern=r"^[0-9]{1,6}\.[0-9]{1,6}$")
    id: str = Field(pattern="^[0-9a-f]{32}$")
    created: AwareDatetime
    tool: str
    cluster: str
    reason: Reason
    tags: tuple[str, ...] = ()
    complete: Flag
    recipients: tuple[str, ...]
    """Fingerprints of the keys that can open it."""
    signer: str = Field(pattern="^[0-9a-f]{64}$")
    """The signer's Ed25519 public key, 64 hex digits."""
    sealed_bytes: Count
    sealed_sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @property
    def is_raft(self) -> bool:
        """True where a manager's raft state is sealed, and not a description of the cluster."""
        return self.container == RAFT_CONTAINER

    @field_validator("created")
    @classmethod
    def _in_utc(cls, created: datetime) -> datetime:
        try:
            return created.astimezone(UTC)
        except OverflowError as error:  # the first and last day of the calendar in other time zones
            raise ValueError("no such time in UTC") from error


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a repository that claims to be a backup.

    Only its ``header`` proves what it is: anyone can change its name and folder.
    """

    path: Path
    name: str
    """The file's name without its suffix: what ``backup list`` shows and every command accepts, also shortened."""
    size: int = 0
    header: SealedHeader | None = None
    """None before it is read, and when it does not verify."""
    problem: SwarmnetError | None = None
    """Why it cannot be used. With a header: it is what it says, and this version cannot read what is inside."""
    url: str = ""
    """Where it is at a target; empty on this machine."""

    @property
    def place(self) -> str:
        """Where it is, for people and programs."""
        return self.url or str(self.path)

    @property
    def id(self) -> str:
        """The signed id, or what the name claims to be its beginning."""
        return self.name.rpartition("-")[2] if self.header is None else self.header.id


class Mark(Document):
    """A backup that was seen: the newest of its cluster at that time."""

    created: AwareDatetime
    id: str

    @classmethod
    def of(cls, header: SealedHeader) -> Mark:
        """Return the mark of a backup."""
        return cls(created=header.created, id=header.id)

    @property
    def order(self) -> tuple[datetime, str]:
        """What marks are compared by."""
        return self.created, self.id


class Memory(Protocol):
    """The newest backup that was ever seen of each cluster, kept apart from the backups."""

    def newest(self, cluster: str) -> Mark | None:
        """Return what was seen of a cluster, None when nothing was."""

    def keep(self, cluster: str, mark: Mark) -> None:
        """Remember a backup instead of the one that was remembered before."""


@dataclass(frozen=True, slots=True)
class SealedRaft:
    """A raft archive whose sealed part was written."""

    header: SealedHeader
    head: bytes
    """What comes before the sealed part."""
    check: Callable[[BinaryIO], None]
    """Opens the whole file again, and raises ``DamagedError`` where it is not what was sealed."""


class Vault(Protocol):
    """Seals documents to several recipients and opens them again."""

    @property
    def can_open(self) -> bool:
        """True when an identity is available."""

    def seal(self, document: BackupDocument) -> bytes:
        """Return the sealed file's bytes; what is returned was opened again and compared."""

    def glance(self, head: bytes, size: int) -> SealedHeader:
        """Check the header alone, and that the file has the length that it states; the sealed part is not read.

        Args:
            head: the first ``HEAD`` bytes of the file, or all of a shorter one.
            size: bytes of the file.

        Raises:
            DamagedError: the header was changed, or the file cut.
            WrongKeyError: sound, but its signer is not trusted here.
            SchemaError: it is intact, but has a newer layout.
        """

    def header(self, blob: bytes) -> SealedHeader:
        """Check everything that can be checked without an identity, and return the header.

        Raises:
            DamagedError: a byte was changed, cut or added.
            WrongKeyError: sound, but its signer is not trusted here.
            SchemaError: it is intact, but has a newer layout or major schema.
        """

    def open(self, blob: bytes) -> BackupDocument:
        """Check the signature, decrypt, check the inner signature and the hashes, read the schema: in this order.

        Raises:
            DamagedError: a byte was changed, cut or added.
            WrongKeyError: no identity fits, or the signer is not trusted.
            SchemaError: sound, but of a schema that this version does not read.
        """

    def seal_raft(self, produce: Callable[[Sink], RaftManifest], out: BinaryIO, *, reason: Reason) -> SealedRaft:
        """Seal what ``produce`` gives to its argument, and the manifest that it returns, into a file, part by part.

        The reason is in the signed header, as that of other backups.
        """

    def whole(self, file: BinaryIO) -> SealedHeader:
        """Check what ``header`` checks, part by part; raises as it does."""

    def open_raft(self, file: BinaryIO, sink: Sink = bytes) -> RaftManifest:
        """Check and open a raft archive, giving the packed folder to ``sink``.

        Raises:
            UsageError: it is another kind of backup.
            DamagedError, WrongKeyError, SchemaError: as ``open`` does; what ``sink`` got must not be used then.
        """


class Repository(Protocol):
    """Backups of several clusters in one place: a directory, or a target away from here."""

    @property
    def place(self) -> str:
        """The place, for messages."""

    def locked(self, cluster: str) -> AbstractContextManager[None]:
        """Hold the cluster's lock; raises ``LockedError`` with who holds it and since when."""

    def name_of(self, header: SealedHeader) -> str:
        """Return ``FOLDER/FILE`` of a backup."""

    def entries(self, cluster: str | None = None) -> tuple[Entry, ...]:
        """Return what claims to be a backup, of one cluster or of all, by name; what cannot be a file has a problem.

        Raises:
            BackupNotFoundError: there is no repository.
        """

    def at(self, reference: str) -> Entry | None:
        """Return the file of this path, whatever its name; None when there is none."""

    def contradiction(self, entry: Entry, header: SealedHeader) -> str | None:
        """Return where a backup belongs by its header, when its name or folder tells something else."""

    def head(self, entry: Entry, *, fresh: bool = False) -> tuple[bytes, int] | None:
        """Return the beginning of a file, ``HEAD`` bytes or at least its header, and its size; None when it is gone.

        What an index keeps of it may be returned, which is not to be trusted; ``fresh`` always reads the file.

        Raises:
            DamagedError: it is not a regular file.
            BackupNotFoundError: it cannot be read.
        """

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a backup; raises as ``head`` does, also when it is gone or larger than any backup."""

    def opened(self, entry: Entry) -> AbstractContextManager[BinaryIO]:
        """Open a backup to be read part by part; raises as ``read`` does."""

    def remove(self, entry: Entry) -> None:
        """Remove a backup permanently; nothing happens when it does not exist.

        Raises:
            SwarmnetError: the disk refuses.
        """


class WritableRepository(Repository, Protocol):
    """A repository that new backups go to."""

    def write(self, document: BackupDocument, blob: bytes, *, check: Callable[[bytes], object]) -> Path:
        """Write atomically; ``check`` gets the bytes read back from disk and raises when they are not right."""

    def receive(self, cluster: str, backup_id: str, fill: Callable[[BinaryIO], SealedRaft]) -> Path:
        """Write a raft archive atomically: ``fill`` writes the sealed part; the whole file is checked, then named.

        Raises:
            SwarmnetError: no space, or no permission; nothing is left behind.
        """
