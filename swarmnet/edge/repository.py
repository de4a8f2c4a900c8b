"""A repository of backups: a plain directory, one folder a cluster, one file a backup.

Names are ``<UTC time with microseconds>-<8 hex digits of the id>.swarmnet``; whatever else lies there is ignored. All
work below a cluster's folder goes through its open directory handle and never follows symbolic links, so that nobody
who can write there makes swarmnet read or write elsewhere. Reading needs no lock and writes nothing: a repository on a
read-only stick works.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import socket
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from swarmnet.errors import BackupNotFoundError, DamagedError, LockedError, SwarmnetError, UsageError
from swarmnet.model.sealed import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.model.backup import BackupDocument

SUFFIX = ".swarmnet"
LARGEST_FILE = 256 * 1024 * 1024
"""Bytes of a sealed file that are read at most."""

_NAME = re.compile(r"([0-9]{8}T[0-9]{6}\.[0-9]{6}Z)-([0-9a-f]{8})\.swarmnet", re.ASCII)
_TIME = "%Y%m%dT%H%M%S.%fZ"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def slug(cluster: str) -> str:
    """Return the cluster's folder: its name where that is a plain file name, else cleaned with a digest behind."""
    clean = re.sub(r"[^a-z0-9_-]+", "-", cluster.lower()).strip("-")[:64]
    if clean and clean == cluster:
        return clean
    return f"{clean or 'cluster'}-{hashlib.sha256(cluster.encode()).hexdigest()[:8]}"


def file_name(document: BackupDocument) -> str:
    """Return the name of a backup's file."""
    return f"{document.created.astimezone(UTC).strftime(_TIME)}-{document.id[:8]}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class DirectoryRepository:
    """Backups below one directory."""

    root: Path

    @contextlib.contextmanager
    def locked(self, cluster: str) -> Iterator[None]:
        """Hold the cluster's lock; the kernel drops it when the process dies, so that no lock is ever stale."""
        folder = self.root / slug(cluster)
        holder = folder / ".holder"
        lock = FileLock(folder / ".lock", timeout=0, mode=0o600)
        with contextlib.ExitStack() as held:
            with _writing(folder):
                with self._folder(slug(cluster), create=True):
                    pass
                _acquire(lock, cluster, holder)
                held.callback(lock.release)
                held.callback(holder.unlink, missing_ok=True)
                who = {"pid": os.getpid(), "machine": socket.gethostname(), "since": datetime.now(UTC).isoformat()}
                _put(holder, json.dumps(who).encode())
            yield

    def write(self, document: BackupDocument, blob: bytes, *, check: Callable[[bytes], object]) -> Path:
        """Write to a temporary name, sync, read back, ``check``, then rename and sync the folder.

        Raises:
            SwarmnetError: no space, or no permission; nothing is left behind and older backups are as they were.
            DamagedError: what came back from the disk is not what was written.
        """
        final, temporary = file_name(document), f".{document.id}.partial"
        path = self.root / slug(document.cluster) / final
        with _writing(path), self._folder(slug(document.cluster), create=True) as folder:
            try:
                _write(folder, temporary, blob)
                if _read(folder, temporary) != blob:
                    raise DamagedError(f"{path}: the disk did not give back what was written")
                check(blob)
                os.rename(temporary, final, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)
            os.fsync(folder)
        return path

    def entries(self, cluster: str | None = None) -> tuple[Entry, ...]:
        """Return the backups, newest first, of one cluster or of all; nothing is opened."""
        if not self.root.is_dir():
            raise BackupNotFoundError(
                f"{self.root}: no repository of backups there", hint="`swarmnet backup create` makes one"
            )
        folders = [slug(cluster)] if cluster is not None else sorted(path.name for path in self.root.iterdir())
        found = [entry for folder in folders for entry in self._entries_of(folder)]
        return tuple(sorted(found, key=lambda entry: (entry.created, entry.name), reverse=True))

    def find(self, reference: str, *, cluster: str | None = None) -> Entry:
        """Return the backup that a path, ``latest``, a name or the unique beginning of a name or id means."""
        path = Path(reference)
        if path.is_file() and (path.suffix == SUFFIX or len(path.parts) > 1):
            return _entry(path.resolve(), path.stat())
        entries = self.entries(cluster)
        if not entries and cluster is not None:
            entries = self._of_the_only_cluster()
        if reference == "latest":
            matching = entries[:1]
        else:
            wanted = reference.removesuffix(SUFFIX)
            matching = tuple(e for e in entries if wanted and (e.name.startswith(wanted) or _id(e).startswith(wanted)))
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise BackupNotFoundError(
                f"{reference!r} means {len(matching)} backups: {', '.join(entry.name for entry in matching[:5])}",
                hint="write more of its name",
            )
        where = f"of cluster {cluster!r} " if cluster and entries else ""
        raise BackupNotFoundError(
            f"no backup {reference!r} {where}in {self.root}", hint="`swarmnet backup list` shows what there is"
        )

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a backup; one in the repository is read without following links."""
        try:
            folder = os.open(entry.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                return _read(folder, entry.path.name)
            finally:
                os.close(folder)
        except OSError as error:
            raise BackupNotFoundError(f"cannot read {entry.path}: {error.strerror}") from error

    def remove(self, entry: Entry) -> None:
        """Remove a backup for good."""
        with self._folder(entry.path.parent.name) as folder:
            os.unlink(entry.path.name, dir_fd=folder)
            os.fsync(folder)

    def _of_the_only_cluster(self) -> tuple[Entry, ...]:
        everything = self.entries()
        folders = {entry.path.parent for entry in everything}
        return everything if len(folders) == 1 else ()

    def _entries_of(self, folder: str) -> Iterator[Entry]:
        try:
            with self._folder(folder) as handle:
                for name in filter(_NAME.fullmatch, os.listdir(handle)):  # noqa: PTH208 - pathlib cannot list a handle
                    with contextlib.suppress(FileNotFoundError):  # removed meanwhile; the others are there still
                        status = os.stat(name, dir_fd=handle, follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode):
                            yield _entry(self.root / folder / name, status)
        except (FileNotFoundError, NotADirectoryError):
            return

    @contextlib.contextmanager
    def _folder(self, name: str, *, create: bool = False) -> Iterator[int]:
        path = self.root / name
        if create:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.mkdir(mode=0o700, exist_ok=True)
        try:
            handle = os.open(path, _FOLDER)
        except OSError as error:
            if error.errno == errno.ELOOP or path.is_symlink():
                if create:
                    raise UsageError(f"{path} is a symbolic link; swarmnet does not follow it") from error
                raise NotADirectoryError(error.errno, "a symbolic link", str(path)) from error
            raise
        try:
            yield handle
        finally:
            os.close(handle)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Tell in one sentence that the disk refuses, and what to do."""
    try:
        yield
    except OSError as error:
        need = "free some space" if error.errno in _NO_SPACE else "make it writable"
        raise SwarmnetError(
            f"cannot write the backup {path}: {error.strerror}",
            hint=f"{need}, or use --repository; older backups are untouched",
        ) from error


def _acquire(lock: FileLock, cluster: str, holder: Path) -> None:
    try:
        lock.acquire()
    except Timeout as error:
        raise LockedError(
            f"the backups of {cluster!r} are in use by {_who(holder)}", hint="wait until it ends, then run again"
        ) from error


def _entry(path: Path, status: os.stat_result) -> Entry:
    match = _NAME.fullmatch(path.name)
    created = (
        datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)
        if match
        else datetime.fromtimestamp(status.st_mtime, tz=UTC)
    )
    return Entry(path=path, name=path.name.removesuffix(SUFFIX), created=created, size=status.st_size)


def _id(entry: Entry) -> str:
    return entry.name.rpartition("-")[2]


def _write(folder: int, name: str, blob: bytes) -> None:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o400, dir_fd=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())


def _read(folder: int, name: str) -> bytes:
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise DamagedError(f"{name} is no regular file")
        blob = file.read(LARGEST_FILE + 1)
    if len(blob) > LARGEST_FILE:
        raise DamagedError(f"{name} is larger than {LARGEST_FILE} bytes: not a backup of swarmnet")
    return blob


def _put(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _who(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text("utf-8"))
        return f"process {who['pid']} on {who['machine']} since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
