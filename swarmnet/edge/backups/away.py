"""The backups of a target as a repository: what lists, checks, restores and prunes reads them as it reads a directory.

There is no lock: files are never changed, and two that prune remove the same ones.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO, TYPE_CHECKING, cast

from swarmnet.edge.backups.repository import LARGEST_FILE, SUFFIX, DirectoryRepository, slug
from swarmnet.errors import BackupNotFoundError, DamagedError, SwarmnetError
from swarmnet.model.sealed import HEAD, Entry
from swarmnet.model.targets import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from swarmnet.edge.backups.heads import Heads
    from swarmnet.model.sealed import SealedHeader
    from swarmnet.model.targets import BackupTarget

IN_MEMORY = 1024 * 1024
"""Bytes of a backup that are not worth a file while they are read."""
_FILE = re.compile(rf"[a-z0-9_-]+/[^./][^/]*{re.escape(SUFFIX)}")


@dataclass(frozen=True, slots=True)
class AwayRepository:
    """Backups at a target, read directly. A path of this machine is read from this machine."""

    target: BackupTarget
    heads: Heads | None = None
    here: DirectoryRepository = field(default_factory=lambda: DirectoryRepository(Path()))
    _files: dict[str, Stored] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The target's URL."""
        return self.target.place

    def locked(self, _cluster: str) -> AbstractContextManager[None]:
        """Hold nothing."""
        return nullcontext()

    def entries(self, cluster: str | None = None) -> tuple[Entry, ...]:
        """Return what claims to be a backup, of one cluster or of all, by name; nothing is read."""
        found = {one.name: one for one in self.target.files() if _FILE.fullmatch(one.name)}
        self._files.update(found)
        if self.heads is not None:
            self.heads.load()
        wanted = None if cluster is None else f"{slug(cluster)}/"
        return tuple(self._entry(one) for one in found.values() if wanted is None or one.name.startswith(wanted))

    def at(self, reference: str) -> Entry | None:
        """Return the file of this path on this machine; None when there is none."""
        return self.here.at(reference)

    def name_of(self, header: SealedHeader) -> str:
        """Return ``FOLDER/FILE`` of a backup."""
        return self.here.name_of(header)

    def contradiction(self, entry: Entry, header: SealedHeader) -> str | None:
        """Return where a backup belongs by its header, when its name or folder tells something else."""
        if not entry.url:
            return self.here.contradiction(entry, header)
        name = self.name_of(header)
        return None if str(entry.path) == name else name

    def head(self, entry: Entry, *, fresh: bool = False) -> tuple[bytes, int] | None:
        """Return the beginning and the size of a file, None when it is gone; ``fresh`` always asks the target."""
        if not entry.url:
            return self.here.head(entry)
        file = self._files.get(str(entry.path)) or Stored(str(entry.path), entry.size)
        known = None if fresh or self.heads is None else self.heads.of(file)
        if known is not None:
            return known, file.size
        try:
            data = self.target.read(file.name, HEAD)
        except FileNotFoundError:
            return None
        if self.heads is not None:
            self.heads.keep(file, data)
        return data, file.size

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a backup."""
        if not entry.url:
            return self.here.read(entry)
        if entry.size > LARGEST_FILE:
            raise DamagedError(f"{entry.name} is larger than {LARGEST_FILE} bytes: not a backup of swarmnet")
        parts = BytesIO()
        self._fetch(entry, parts)
        return parts.getvalue()

    @contextmanager
    def opened(self, entry: Entry) -> Iterator[BinaryIO]:
        """Open a backup to be read part by part: sealed as it is, a large one is on this machine's disk meanwhile."""
        if not entry.url:
            with self.here.opened(entry) as file:
                yield file
            return
        with SpooledTemporaryFile(IN_MEMORY) as copy:
            self._fetch(entry, copy)
            copy.seek(0)
            yield cast("BinaryIO", copy)

    def _fetch(self, entry: Entry, out: IO[bytes]) -> None:
        got = 0

        def take(part: bytes) -> None:
            nonlocal got
            got += len(part)
            if got > entry.size:
                raise DamagedError(f"{entry.url} has more than its {entry.size} bytes: it was changed meanwhile")
            try:
                out.write(part)
            except OSError as error:
                raise SwarmnetError(
                    f"cannot keep {entry.url} here while it is read: {error.strerror}",
                    hint=f"free some space in {gettempdir()}, or let TMPDIR name another directory",
                ) from error

        try:
            self.target.fetch(str(entry.path), take)
        except FileNotFoundError:
            raise BackupNotFoundError(f"cannot read {entry.url}: it is not there") from None

    def remove(self, entry: Entry) -> None:
        """Remove a backup for good; nothing happens when it is gone."""
        self.target.remove(str(entry.path))

    def save(self) -> None:
        """Keep the beginnings of the files that are there for the next list."""
        if self.heads is not None and self._files:
            self.heads.save(self._files)

    def _entry(self, file: Stored) -> Entry:
        path = Path(file.name)
        return Entry(path, path.name.removesuffix(SUFFIX), file.size, url=f"{self.place}/{file.name}")
