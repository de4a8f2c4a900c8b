"""Files that are written whole or not at all, and locks between processes: the one place for both.

A leaf: it knows errors and nothing else of swarmnet, so that edges and the lab can share it without knowing each other.
What decides and plans never touches a file, so it must not import this module (a contract of import-linter).

- :func:`write_atomically` replaces a file, :func:`write_once` makes one that must not exist yet.
- :func:`write_report` also writes to a pipe or a device.
- :func:`locked` keeps other processes out for as long as a block runs.
- :func:`write_new` is the step that they share, for writers that work in an open folder.

A crash or a power cut at any moment leaves the old file or the new one, never a part. Nothing that is not a regular
file of this user is ever replaced.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import LockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    Content = bytes | Callable[[BinaryIO], object]
    """All bytes of a file, or what writes them into the open file: they may be too many for the memory."""

LOCK_LIMIT = 30.0
"""Seconds to wait for another process that changes the same files; such a change takes milliseconds."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_atomically(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace a file whole. A symbolic link stays and its target is replaced.

    The new file has ``mode`` before its first byte.

    Raises:
        OSError: The file cannot be written, is not a regular file, or it or a link to it belongs to another user.
    """
    target = _replaceable(path)
    temporary = _beside(target)
    try:
        write_new(temporary, content, mode=mode)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)  # it exists only if something, Ctrl-C too, came before the replacement
    sync_folder(target.parent)


def write_report(path: Path, content: bytes) -> None:
    """Write a file that others may read, as the umask allows; a regular file is replaced whole.

    A pipe, a device, a file of another user, and a file in a folder that takes no other one are written as they are.

    Raises:
        OSError: The file cannot be written.
    """
    if path.exists() and not _is_ours(path):
        path.write_bytes(content)
    else:
        umask = os.umask(0o077)
        os.umask(umask)
        write_atomically(path, content, mode=stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~umask)


def write_once(path: Path, content: Content, *, mode: int = 0o600) -> None:
    """Make a file whole; one that exists is never replaced, even if it appears meanwhile.

    What ``content`` raises passes, and leaves no file.

    Raises:
        FileExistsError: Something has this name.
        OSError: The file cannot be written.
    """
    temporary = _beside(path)
    try:
        write_new(temporary, content, mode=mode)
        # Unlike a rename, a link fails if the file exists by now.
        os.link(temporary, path, follow_symlinks=False)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_new(path: str | Path, content: Content, *, mode: int = 0o600, folder: int | None = None) -> None:
    """Make a new file and write it to the disk; no link is followed.

    Args:
        path: the file; relative to ``folder`` where that is given.
        content: all of its bytes, or what writes them.
        mode: its permission bits, whatever the umask.
        folder: an open folder, so that no other process can replace it meanwhile.

    Raises:
        FileExistsError: Something has this name.
        OSError: The file cannot be written; a part of it may be left.
    """
    with os.fdopen(os.open(path, _NEW, 0o600, dir_fd=folder), "wb") as file:
        os.fchmod(file.fileno(), mode)
        if isinstance(content, bytes):
            file.write(content)
        else:
            content(file)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def locked(file: Path, *, limit: float = LOCK_LIMIT, busy: Callable[[], str] | None = None) -> Iterator[None]:
    """Hold a lock between processes for as long as the block runs; the kernel drops it when the process dies.

    Args:
        file: an empty file for the lock alone. It is made where it is missing, and stays.
        limit: seconds to wait for another process; 0 tries once.
        busy: says who holds it, for the error.

    Raises:
        LockedError: Another process held it all the time.
        OSError: The file cannot be made, or is a symbolic link.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - it loads asyncio, and most commands lock no file

    lock = FileLock(file, timeout=limit, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        said = f"{file} is held by another process (waited {limit:g} s)" if busy is None else busy()
        raise LockedError(said, hint="wait until it ends, then run again") from None
    try:
        yield
    finally:
        lock.release()


def make_folder(path: Path) -> None:
    """Make a private folder, and those above it, so that they survive a power cut."""
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


def _beside(path: Path) -> Path:
    """Return a name in the same folder that no other process chooses."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}")


def _is_ours(path: Path) -> bool:
    """Return whether a path leads to a regular file of this user, in a folder that takes new ones."""
    status = path.stat()
    folder = Path(os.path.realpath(path)).parent
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and os.access(folder, os.W_OK)


def _replaceable(path: Path) -> Path:
    """Return the file that a path leads to: a missing one, or a regular file of this user."""
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
