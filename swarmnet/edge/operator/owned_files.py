"""Files of the operator's machine that decide what is trusted, opened and signed: read only if that is safe.

The rules are those of OpenSSH (``sshkey_perm_ok``, ``safe_path``, "Bad owner or permissions"). What each kind of file
must fulfil:

================== ======================= =================== =========================== ===============
reader             owner                   may not write       may not read                kind of file
================== ======================= =================== =========================== ===============
read_private       any                     group, others       group, others (own file)    regular, a pipe
read_public        this user or root       group, others                                   regular, a pipe
check_config       this user or root       group, others                                   regular
check_known_hosts  any: teams share files  others                                          regular, a device
read_regular       any                                                                     regular
================== ======================= =================== =========================== ===============
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from swarmnet.edge.operator.core_dumps import forbid_core_dumps
from swarmnet.edge.operator.files import expanded
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_KEYS = 1024 * 1024
"""Bytes of a file of keys that are read at most."""
LARGEST = 16 * 1024 * 1024
"""Bytes of any other file that are read at most."""

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS_USE = stat.S_IRWXG | stat.S_IRWXO


def read_private(path: Path) -> bytes:
    """Return a file that holds a private key; this process leaves no core dump from now on.

    Raises:
        UsageError: The file does not exist, others can read or change it, or it cannot be read.
    """
    forbid_core_dumps()
    return _read_keys(path, private=True)


def read_public(path: Path) -> bytes:
    """Return a file that others may read but not change; raises as ``read_private`` does."""
    return _read_keys(path, private=False)


def check_folder(folder: Path) -> None:
    """Raise ``UsageError`` if another user can put files into a folder; a missing one is fine."""
    try:
        status = folder.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}", hint="name another directory of keys with --keys") from None
    _refuse_foreign(folder, status, hint=f"look at what is in it, then: chown {os.geteuid()} {folder}")
    _refuse_writable(folder, status, hint=_LOOK.format(folder))


def check_config(path: Path) -> bytes:
    """Return an ssh_config file's content.

    Raises:
        UsageError: It belongs to another user, or another user may write it.
        OSError: It cannot be read.
    """
    with _opened(path) as file:
        status = _regular(path, file)
        _refuse_foreign(path, status, hint="use a file of your own")
        _refuse_writable(path, status, hint=f"chmod go-w {path}")
        return file.read(LARGEST)


def check_known_hosts(path: Path) -> bytes:
    """Return a known_hosts file's content; nothing of a device such as ``/dev/null``.

    Raises:
        UsageError: It is a pipe, or every user may write it.
        OSError: It cannot be read.
    """
    if stat.S_ISCHR(path.stat().st_mode):
        return b""
    with _opened(path) as file:
        # ssh itself does not look; group-writable files are common where each user has a group alone.
        _refuse_writable(path, _regular(path, file), forbidden=stat.S_IWOTH, hint=f"chmod go-w {path}")
        return file.read(LARGEST)


def read_regular(path: Path) -> bytes:
    """Return a regular file's content; raises ``OSError`` for anything else, without waiting for a pipe."""
    with _opened(path) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        return file.read(LARGEST)


def is_private(path: Path) -> bool:
    """Return whether only its owner may use a private key; as for ssh, keys of other owners are their affair."""
    status = path.stat()
    return status.st_uid != os.geteuid() or not status.st_mode & _OTHERS_USE


_LOOK = "look at what is in it, then: chmod go-w {}"


def _opened(path: Path) -> BinaryIO:
    # Without O_NONBLOCK, opening a pipe waits until someone writes into it.
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def _regular(path: Path, file: BinaryIO) -> os.stat_result:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"cannot read {path}: it is not a regular file")
    return status


def _read_keys(path: Path, *, private: bool) -> bytes:
    path = expanded(path)
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):  # a pipe, as in `--identity <(pass show key)`, belongs to who made it
                if not private:
                    _refuse_foreign(path, status, hint=f"look at what is in it, then: chown {os.geteuid()} {path}")
                _refuse_writable(path, status, hint=_LOOK.format(path))
                if private:
                    _refuse_readable(path, status)
            data = file.read(LARGEST_KEYS + 1)
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}", hint="`swarmnet keys list` shows the keys; --keys names their directory"
        ) from None
    if len(data) > LARGEST_KEYS:
        raise UsageError(f"{path} is larger than {LARGEST_KEYS} bytes: not a file of keys")
    return data


def _refuse_foreign(path: Path, status: os.stat_result, *, hint: str) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise UsageError(f"{path} belongs to another user (uid {status.st_uid}), who can change it", hint=hint)


def _refuse_writable(path: Path, status: os.stat_result, *, hint: str, forbidden: int = _OTHERS_WRITE) -> None:
    if status.st_mode & forbidden:
        raise UsageError(f"{path} can be changed by others (mode {stat.S_IMODE(status.st_mode):04o})", hint=hint)


def _refuse_readable(path: Path, status: os.stat_result) -> None:
    # As ssh: who else may read the key of another owner, such as one that a service manager provides, is its matter.
    hidden = _OTHERS_USE if status.st_uid == os.geteuid() else stat.S_IROTH
    if status.st_mode & hidden:
        raise UsageError(
            f"{path} can be read by others (mode {stat.S_IMODE(status.st_mode):04o})",
            hint=f"chmod 600 {path}; on a disk without permissions, such as a FAT stick: copy the file, chmod the copy",
        )
