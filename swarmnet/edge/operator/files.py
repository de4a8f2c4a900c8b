"""Files of the operator's machine, read with a limit."""

from __future__ import annotations

import sys
from pathlib import Path

from swarmnet.errors import UsageError

DOCUMENT_LIMIT = 2 * 1024 * 1024


def expanded(path: str | Path) -> Path:
    """Return a path with ``~`` and ``~user`` filled in; raises ``UsageError`` where the user does not exist."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{path}: this user does not exist on this machine") from None


def read_document(path: Path, *, limit: int = DOCUMENT_LIMIT, hint: str | None = None) -> bytes:
    """Return a file's bytes, ``-`` meaning stdin; at most one more than ``limit``, so that a reader sees "too large".

    ``hint`` is the advice where the file does not exist.

    Raises:
        UsageError: the file does not exist, or it cannot be read.
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
