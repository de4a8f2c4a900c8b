"""A repository of backups: a plain directory, one folder a cluster, one file a backup.

Names are ``<UTC time with microseconds>-<8 hex digits of the id>.swarmnet``. They are for people: what a file is, its
signed header tells, and a name or folder that tells something else is a contradiction. Other names are ignored. All
work below a cluster's folder goes through its open directory handle and never follows symbolic links, so that no one
who can write there makes swarmnet read or write elsewhere. Reading needs no lock and writes nothing: a repository on a
read-only stick works.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import socket
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pydantic import AwareDatetime, Field, StrictInt

from swarmnet.errors import BackupNotFoundError, DamagedError, SwarmnetError, UsageError
from swarmnet.files import locked, make_folder, write_new
from swarmnet.model.base import Document
from swarmnet.model.sealed import HEAD, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.sealed import SealedHeader, SealedRaft

SUFFIX = ".swarmnet"
LARGEST_FILE = 256 * 1024 * 1024
"""Bytes of a sealed file that are read at most."""

_NAME = re.compile(r"([0-9]{8}T[0-9]{6}\.[0-9]{6}Z)-([0-9a-f]{8})\.swarmnet", re.ASCII)
_UNFINISHED = re.compile(r"[.][0-9a-f]{32}[.](?:sealed|partial)", re.ASCII)
_SLUG = re.compile(r"[a-z0-9_-]+", re.ASCII)
_NO_FILE = "not a regular file"
_LARGEST_HOLDER = 4096
_TIME = "%Y%m%dT%H%M%S.%fZ"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NO_SPACE, _NO_FOLDER = (errno.ENOSPC, errno.EDQUOT), (errno.EEXIST, errno.ENOTDIR)


class _Who(Document):
    """Who holds a lock."""

    pid: StrictInt
    machine: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,255}$")
    since: AwareDatetime


def slug(cluster: str) -> str:
    """Return the cluster's folder: its name where that is a plain file name, else cleaned with a digest behind."""
    clean = re.sub(r"[^a-z0-9_-]+", "-", cluster.lower()).strip("-")[:64]
    if clean and clean == cluster:
        return clean
    return f"{clean or 'cluster'}-{hashlib.sha256(cluster.encode()).hexdigest()[:8]}"


def file_name(backup: BackupDocument | SealedHeader) -> str:
    """Return the name of a backup's file."""
    return f"{backup.created.astimezone(UTC).strftime(_TIME)}-{backup.id[:8]}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class DirectoryRepository:
    """Backups below one directory."""

    root: Path

    @property
    def place(self) -> str:
        """Where the backups are, for people: the whole path, since a relative one depends on the working directory."""
        return str(self.root.absolute())

    @contextlib.contextmanager
    def locked(self, cluster: str) -> Iterator[None]:
        """Hold the cluster's lock; the kernel drops it when the process dies, so that no lock is ever stale."""
        folder = self.root / slug(cluster)
        holder = folder / ".holder"
        fresh = tuple(path for path in (folder, self.root) if not path.exists())
        with contextlib.ExitStack() as held:
            with _writing(folder):
                with self._folder(slug(cluster), create=True):
                    pass
                busy = f"the backups of {cluster!r} are in use by "
                held.enter_context(locked(folder / ".lock", limit=0, busy=lambda: busy + _who(holder)))
                held.callback(_remove_unused, fresh)
                held.callback(_forget, holder)
                who = _Who(pid=os.getpid(), machine=_machine(), since=datetime.now(UTC))
                holder.unlink(missing_ok=True)
                write_new(holder, who.model_dump_json().encode())
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
                write_new(temporary, blob, mode=0o400, folder=folder)
                if _read_back(folder, temporary) != blob:
                    raise DamagedError(f"{path}: what was read back differs from what was written")
                check(blob)
                os.rename(temporary, final, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)
            os.fsync(folder)
        return path

    def receive(self, cluster: str, backup_id: str, fill: Callable[[BinaryIO], SealedRaft]) -> Path:
        """Write a raft archive to temporary names, sync, check what came back from the disk, then rename.

        What killed runs left of theirs goes first: the caller holds the cluster's lock, so no one writes there.

        Raises:
            SwarmnetError: no space, or no permission; nothing is left behind and older backups are as they were.
        """
        sealed, whole = f".{backup_id}.sealed", f".{backup_id}.partial"
        path = self.root / slug(cluster)
        with _writing(path), self._folder(slug(cluster), create=True) as folder:
            _remove_unfinished(folder)
            try:
                with _new(folder, sealed) as part:
                    filled = fill(part)
                    part.seek(0)
                    with _new(folder, whole) as file:
                        file.write(filled.head)
                        shutil.copyfileobj(part, file)
                        file.flush()
                        os.fsync(file.fileno())
                with os.fdopen(_open(folder, whole), "rb") as file:
                    filled.check(file)
                final = file_name(filled.header)
                os.rename(whole, final, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                for name in (sealed, whole):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=folder)
            os.fsync(folder)
        return path / final

    @contextlib.contextmanager
    def opened(self, entry: Entry) -> Iterator[BinaryIO]:
        """Open a backup to be read part by part; one in the repository is read without following links."""
        with contextlib.ExitStack() as held:
            try:
                file = held.enter_context(_opened(entry.path))
            except OSError as error:
                raise BackupNotFoundError(f"cannot read {entry.path}: {error.strerror}") from error
            yield file

    def entries(self, cluster: str | None = None) -> tuple[Entry, ...]:
        """Return what claims to be a backup, of one cluster or of all, by name; nothing is read."""
        try:
            there = self.root.is_dir()
            names = sorted(os.listdir(self.root)) if there and cluster is None else []  # noqa: PTH208 - their names
        except OSError as error:
            raise BackupNotFoundError(f"cannot read {self.place}: {error.strerror}") from error
        if not there:
            raise BackupNotFoundError(
                f"{self.place}: no repository of backups there",
                hint="name another with --repository, or make one with `swarmnet backup create`",
            )
        names = names if cluster is None else [slug(cluster)]
        return tuple(entry for name in names if _SLUG.fullmatch(name) for entry in self._entries_of(name))

    def at(self, reference: str) -> Entry | None:
        """Return the file of this path, whatever its name; None when there is none."""
        try:
            path = Path(reference).expanduser().resolve(strict=True)
            status = path.stat()
        except (OSError, RuntimeError, ValueError):  # no such file, a loop of links, a user without a home, a NUL
            return None
        return Entry(path, _name(path.name), status.st_size) if stat.S_ISREG(status.st_mode) else None

    def name_of(self, header: SealedHeader) -> str:
        """Return ``FOLDER/FILE`` of a backup."""
        return f"{slug(header.cluster)}/{file_name(header)}"

    def contradiction(self, entry: Entry, header: SealedHeader) -> str | None:
        """Return where a backup belongs by its header, when its name or folder tells something else."""
        name, folder = file_name(header), slug(header.cluster)
        above = entry.path.parent.parent
        inside = above == self.root or above == self.root.resolve()
        claims = entry.path.name.endswith(SUFFIX) if inside else _NAME.fullmatch(entry.path.name) is not None
        if not claims or (entry.path.name == name and (not inside or entry.path.parent.name == folder)):
            return None
        return f"{folder}/{name}"

    def head(self, entry: Entry, *, fresh: bool = False) -> tuple[bytes, int] | None:  # noqa: ARG002 - there is no index
        """Return the first bytes and the size of a file; None when it is gone."""
        try:
            with _opened(entry.path) as file:
                return file.read(HEAD), os.fstat(file.fileno()).st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BackupNotFoundError(f"cannot read {entry.path}: {error.strerror}") from error

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a backup; one in the repository is read without following links."""
        try:
            with _opened(entry.path) as file:
                return _whole(file, entry.name)
        except OSError as error:
            raise BackupNotFoundError(f"cannot read {entry.path}: {error.strerror}") from error

    def remove(self, entry: Entry) -> None:
        """Remove a backup for good; nothing happens when it is gone."""
        try:
            with self._folder(entry.path.parent.name) as folder:
                os.unlink(entry.path.name, dir_fd=folder)
                os.fsync(folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise SwarmnetError(f"cannot remove {entry.path}: {error.strerror}") from error

    def _entries_of(self, folder: str) -> Iterator[Entry]:
        path = self.root / folder
        try:
            with self._folder(folder) as handle:
                for name in sorted(os.listdir(handle)):  # noqa: PTH208 - pathlib cannot list a handle
                    if name.endswith(SUFFIX) and not name.startswith("."):
                        with contextlib.suppress(FileNotFoundError):  # removed meanwhile; the others are there still
                            yield _entry(path / name, os.stat(name, dir_fd=handle, follow_symlinks=False))
        except FileNotFoundError:
            return
        except NotADirectoryError:
            if path.is_symlink():
                yield Entry(path, folder, problem=DamagedError("the folder is a symbolic link, which is not followed"))
        except OSError as error:
            yield Entry(path, folder, problem=BackupNotFoundError(f"cannot read the folder: {error.strerror}"))

    @contextlib.contextmanager
    def _folder(self, name: str, *, create: bool = False) -> Iterator[int]:
        path = self.root / name
        if create:
            make_folder(self.root)
            make_folder(path)
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
        why, need = error.strerror, "make it writable"
        if error.errno in _NO_SPACE:
            need = "free some space"
        elif error.errno in _NO_FOLDER:
            why, need = "there is a file where a directory is wanted", "move it away"
        raise SwarmnetError(
            f"cannot write the backup {path}: {why}", hint=f"{need}, or use --repository; older backups are untouched"
        ) from error


def _entry(path: Path, status: os.stat_result) -> Entry:
    problem = None if stat.S_ISREG(status.st_mode) else DamagedError(_NO_FILE)
    return Entry(path, _name(path.name), status.st_size, problem=problem)


def _name(file: str) -> str:
    return file.removesuffix(SUFFIX)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        handle = _open(folder, path.name)
    finally:
        os.close(folder)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise DamagedError(_NO_FILE)
        yield file


def _open(folder: int, name: str) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a symbolic link; a socket
            raise DamagedError(_NO_FILE) from error
        raise


def _remove_unfinished(folder: int) -> None:
    for name in os.listdir(folder):
        if _UNFINISHED.fullmatch(name):
            os.unlink(name, dir_fd=folder)


def _new(folder: int, name: str) -> BinaryIO:
    """Make a private file in an open folder, to be written and read."""
    handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400, dir_fd=folder)
    return os.fdopen(handle, "w+b")


def _read_back(folder: int, name: str) -> bytes:
    with os.fdopen(_open(folder, name), "rb") as file:
        return _whole(file, name)


def _whole(file: BinaryIO, name: str) -> bytes:
    blob = file.read(LARGEST_FILE + 1)
    if len(blob) > LARGEST_FILE:
        raise DamagedError(f"{name} is larger than {LARGEST_FILE} bytes: not a backup of swarmnet")
    return blob


def _remove_unused(folders: tuple[Path, ...]) -> None:
    """Remove folders that were created for a backup that was never written, the inner one first."""
    with contextlib.suppress(OSError):
        for folder in folders:
            if {path.name for path in folder.iterdir()} - {".lock"}:
                return
            (folder / ".lock").unlink(missing_ok=True)
            folder.rmdir()


def _forget(holder: Path) -> None:
    """Take away who held the lock; what someone put in its place stays, and stops nothing."""
    with contextlib.suppress(OSError):
        holder.unlink()


def _machine() -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", socket.gethostname())[:255] or "unnamed"


def _who(holder: Path) -> str:
    """Return who holds the lock, by what that process wrote down; others can write there, so it is doubted."""
    try:
        handle = os.open(holder, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            who = _Who.model_validate_json(file.read(_LARGEST_HOLDER), strict=True)
    except (OSError, ValueError):
        return "another process"
    return f"process {who.pid} on {who.machine} since {who.since:%Y-%m-%d %H:%M:%S} UTC"
