"""Files that decide who can open, sign and restore: read only when nobody else can have changed them.

The rules are those of ssh: files and their directory belong to this user or to root and nobody else may write them;
what is private nobody else may read (``sshkey_perm_ok`` and ``safe_path`` of OpenSSH).
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from swarmnet.edge.operator.core_dumps import forbid_core_dumps
from swarmnet.edge.operator.files import expanded
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 1024 * 1024
"""Bytes of a file of keys that are read at most."""

_GROUP_AND_OTHERS_WRITE = 0o022
_GROUP_AND_OTHERS = 0o077
_OTHERS_READ = 0o004


def read_private(path: Path) -> bytes:
    """Return a file that holds a private key; this process leaves no core dump from now on.

    Raises:
        UsageError: there is none, others can read or change it, or it cannot be read.
    """
    forbid_core_dumps()
    return _read(path, private=True)


def read_public(path: Path) -> bytes:
    """Return a file that others may read, and must not change; raises as ``read_private`` does."""
    return _read(path, private=False)


def check_folder(folder: Path) -> None:
    """Raise ``UsageError`` when somebody else can put files into a folder; one that is not there is fine."""
    try:
        status = folder.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}", hint="name another directory of keys with --keys") from None
    _check(folder, status, private=False)


def _read(path: Path, *, private: bool) -> bytes:
    path = expanded(path)
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):  # a pipe, as in `--identity <(pass show key)`, belongs to who made it
                _check(path, status, private=private)
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}", hint="`swarmnet keys list` shows the keys; --keys names their directory"
        ) from None
    if len(data) > LARGEST:
        raise UsageError(f"{path} is larger than {LARGEST} bytes: not a file of keys")
    return data


def _check(path: Path, status: os.stat_result, *, private: bool) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid not in (0, os.geteuid()) and not private:
        raise UsageError(
            f"{path} belongs to another user (uid {status.st_uid}), who can change it",
            hint=f"look at what is in it, then: chown {os.geteuid()} {path}",
        )
    if mode & _GROUP_AND_OTHERS_WRITE:
        raise UsageError(
            f"{path} can be changed by others (mode {mode:04o})", hint=f"look at what is in it, then: chmod go-w {path}"
        )
    # As ssh: who else may read the key of another owner, such as one that a service manager hands out, is its matter.
    hidden = _GROUP_AND_OTHERS if status.st_uid == os.geteuid() else _OTHERS_READ
    if private and mode & hidden:
        raise UsageError(
            f"{path} can be read by others (mode {mode:04o})",
            hint=f"chmod 600 {path}; on a disk without permissions, such as a FAT stick: copy the file, chmod the copy",
        )
