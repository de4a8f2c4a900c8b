"""Files of the operator's machine that decide whom to trust: who may have written them, as ssh asks."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

WRITABLE = 0o022
"""Permission bits of group and others that a file of trust must not have."""
READABLE = 0o077
"""Permission bits of group and others that a private key must not have."""
LARGEST = 16 * 1024 * 1024


def check_config(path: Path) -> bytes:
    """Return an ssh_config file's content.

    Raises:
        UsageError: it belongs to somebody else, or somebody else may write it ("Bad owner or permissions" of ssh).
        OSError: it cannot be read.
    """
    return _read(path, WRITABLE, own=True)


def check_known_hosts(path: Path) -> bytes:
    """Return a known_hosts file's content; nothing of a device such as ``/dev/null``.

    Raises:
        UsageError: it is a pipe, or everybody may write it. Whose it is does not matter to ssh: teams share files.
        OSError: it cannot be read.
    """
    if stat.S_ISCHR(path.stat().st_mode):
        return b""
    # ssh itself does not look; group-writable files are common where each user has a group alone.
    return _read(path, stat.S_IWOTH, own=False)


def read_regular(path: Path) -> bytes:
    """Return a regular file's content; raises ``OSError`` for anything else, without waiting for a pipe."""
    with _opened(path) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        return file.read(LARGEST)


def is_private(path: Path) -> bool:
    """Tell whether nobody but its owner may use a private key; as for ssh, the keys of others are their affair."""
    status = path.stat()
    return status.st_uid != os.getuid() or not status.st_mode & READABLE


def _opened(path: Path) -> BinaryIO:
    # Not to wait for somebody to write into a pipe.
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def _read(path: Path, forbidden: int, *, own: bool) -> bytes:
    with _opened(path) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"cannot read {path}: it is not a regular file")
        if own and status.st_uid not in (0, os.geteuid()):
            raise UsageError(
                f"{path} belongs to another user (uid {status.st_uid}), who could redirect every connection",
                hint="use a file of your own",
            )
        if status.st_mode & forbidden:
            raise UsageError(
                f"{path} can be written by others (mode {status.st_mode & 0o777:04o})", hint=f"chmod go-w {path}"
            )
        return file.read(LARGEST)
