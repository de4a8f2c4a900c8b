"""A directory of this machine as a target: a mounted disk, a stick, a share."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from swarmnet.errors import BackupNotFoundError, TargetError
from swarmnet.files import make_folder, sync_folder, write_new
from swarmnet.model.targets import PART, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from swarmnet.model.sealed import Sink

MODE = 0o400
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class DirectoryTarget:
    """Backups below a directory; its layout is that of a repository. No link is followed below it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def place(self) -> str:
        """The whole path."""
        return str(self._root.absolute())

    def files(self) -> tuple[Stored, ...]:
        """Return what could be a backup, by name; raises ``BackupNotFoundError`` when there is no directory."""
        with self._refusals("read"):
            try:
                folders = sorted(entry.name for entry in os.scandir(self._root) if entry.is_dir(follow_symlinks=False))
            except FileNotFoundError:
                raise BackupNotFoundError(
                    f"{self.place}: no such directory", hint="is it mounted? `swarmnet backup copy --to` fills it"
                ) from None
            return tuple(file for folder in folders for file in self._files_of(folder))

    def read(self, name: str, most: int) -> bytes:
        """Return the first ``most`` bytes of a file; raises ``FileNotFoundError`` when there is none."""
        with self._opened(name) as stream:
            return stream.read(most)

    def fetch(self, name: str, sink: Sink) -> None:
        """Give all of a file to ``sink``, part by part; raises ``FileNotFoundError`` when there is none."""
        with self._opened(name) as stream:
            while part := stream.read(PART):
                sink(part)

    def put(self, name: str, content: BinaryIO, *, replace: bool = False) -> None:
        """Write to a temporary name, sync, then link or rename; raises ``FileExistsError`` when the name is taken."""
        with self._refusals("write"):
            make_folder(self._root / name.partition("/")[0])
            with self._folder(name) as (folder, file):
                temporary = f".{file}.{os.urandom(6).hex()}.partial"
                content.seek(0)
                try:
                    write_new(temporary, partial(shutil.copyfileobj, content), mode=MODE, folder=folder)
                    if replace:
                        os.rename(temporary, file, src_dir_fd=folder, dst_dir_fd=folder)
                    else:
                        _publish(folder, temporary, file)
                finally:
                    with suppress(FileNotFoundError):
                        os.unlink(temporary, dir_fd=folder)
                os.fsync(folder)
        sync_folder(self._root)

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens when it does not exist."""
        with self._refusals("remove from"), suppress(FileNotFoundError), self._folder(name) as (folder, file):
            os.unlink(file, dir_fd=folder)
            os.fsync(folder)

    def _files_of(self, folder: str) -> Iterator[Stored]:
        with self._folder(f"{folder}/") as (handle, _):
            for name in sorted(os.listdir(handle)):  # noqa: PTH208 - pathlib cannot list a handle
                with suppress(FileNotFoundError):  # removed meanwhile
                    seen = os.stat(name, dir_fd=handle, follow_symlinks=False)
                    if stat.S_ISREG(seen.st_mode):
                        yield Stored(f"{folder}/{name}", seen.st_size, str(seen.st_mtime_ns))

    @contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO]:
        with self._refusals("read"), self._folder(name) as (folder, file):
            handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            with os.fdopen(handle, "rb") as stream:
                yield stream

    @contextmanager
    def _folder(self, name: str) -> Iterator[tuple[int, str]]:
        folder, _, file = name.partition("/")
        handle = os.open(self._root / folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            yield handle, file
        finally:
            os.close(handle)

    @contextmanager
    def _refusals(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, FileExistsError):
            raise
        except OSError as error:
            need = "free some space there" if error.errno in _NO_SPACE else "is it mounted, and writable for you?"
            hint = f"{need} Then run the command again: what is copied already is left out"
            raise TargetError(f"cannot {verb} {self.place}: {error.strerror}", hint=hint) from error


def _publish(folder: int, temporary: str, file: str) -> None:
    """Give a file its name unless something has it; file systems of sticks (FAT) have no links."""
    try:
        os.link(temporary, file, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        if file in os.listdir(folder):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), file) from None
        os.rename(temporary, file, src_dir_fd=folder, dst_dir_fd=folder)
