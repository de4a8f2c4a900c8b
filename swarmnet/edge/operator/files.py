"""Files of the operator's machine: read with a limit, written whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT_LIMIT = 2 * 1024 * 1024


def expanded(path: str | Path) -> Path:
    """Return a path with ``~`` and ``~user`` filled in; raises ``UsageError`` where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{path}: there is no such user on this machine") from None


def read_document(path: Path, *, limit: int = DOCUMENT_LIMIT, hint: str | None = None) -> bytes:
    """Return a file's bytes, ``-`` meaning stdin; at most one more than ``limit``, so that a reader sees "too large".

    ``hint`` is the advice where there is no such file.

    Raises:
        UsageError: there is no such file, or it cannot be read.
    """
    if str(path) == "-":
        return read_stdin(limit=limit)
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        raise UsageError(f"no such file: {path}", hint=hint) from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def read_stdin(*, limit: int = DOCUMENT_LIMIT) -> bytes:
    """Return what is on stdin, at most one byte more than ``limit``."""
    return sys.stdin.buffer.read(limit + 1)


def write_atomically(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace a file whole: a crash at any moment leaves the old one or the new one, never a part.

    A symbolic link stays and its target is replaced. The new file is ``mode`` from its first byte on.

    Raises:
        OSError: it cannot be written, is there and is no regular file, or it or a link to it is somebody else's.
    """
    target = _replaceable(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)  # there still only when something, Ctrl-C too, came before the replacement
    sync_folder(target.parent)


def _replaceable(path: Path) -> Path:
    """Return the file that a path leads to, which is missing, or a regular file of this user."""
    if path.is_symlink() and path.lstat().st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, "it is a link of another user; it is not followed", str(path))
    target = Path(os.path.realpath(path))
    try:
        status = target.lstat()
    except FileNotFoundError:
        return target
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise FileExistsError(errno.EEXIST, "it is not a regular file; it is not replaced", str(path))
    if status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user; it is not replaced", str(path))
    return target


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes that do the same out of a folder; the lock ends with this process at the latest."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a private folder, and those above it, so that it is there after a power cut, too."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
