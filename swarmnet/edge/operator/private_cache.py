"""A folder of the user's own for files that are costly to make; what others could have put there is not taken.

A file's name ends with the digest of its bytes, so that one which was cut or changed is not taken either.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from swarmnet.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cached(folder: Path, name: str, make: Callable[[], bytes]) -> bytes:
    """Return the bytes that were made under this name before, or make them and keep them.

    Nothing is kept where the folder belongs to someone else, or cannot be written.

    Args:
        folder: is made where it is missing, and closed to others where it is the user's own.
        name: says from what the bytes are made: the same name, the same bytes.
        make: is called where there is nothing to take.
    """
    private = _is_private(folder)
    if private:
        for path in folder.glob(f"{name}-*"):
            data = _trusted(path)
            if data is not None and path.name == _file_name(name, data):
                return data
    data = make()
    if private:
        with suppress(OSError):  # a full disk costs the time of making it again
            write_atomically(folder / _file_name(name, data), data)
    return data


def _file_name(name: str, data: bytes) -> str:
    return f"{name}-{hashlib.sha256(data).hexdigest()}"


def _is_private(folder: Path) -> bool:
    """Return whether the folder is there, the user's own, and closed to others; it is made, and closed, if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        seen = folder.lstat()
        if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid():
            return False
        if seen.st_mode & 0o077:
            folder.chmod(0o700)
    except OSError:
        return False
    return True


def _trusted(path: Path) -> bytes | None:
    """Return the bytes of a regular file that the user alone can write; None for all else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    seen = os.fstat(descriptor)
    if not stat.S_ISREG(seen.st_mode) or seen.st_uid != os.geteuid() or seen.st_mode & _OTHERS_WRITE:
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read()
