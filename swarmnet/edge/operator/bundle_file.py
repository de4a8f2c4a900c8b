"""Write a bundle: one archive that only its owner can read, the same bytes for the same files."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

from swarmnet.errors import UnwrittenError
from swarmnet.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MODE = 0o600


def write_bundle(path: Path, folder: str, files: Iterable[tuple[str, bytes]], *, at: int) -> int:
    """Write the files into ``path`` below one folder, and return the archive's size in bytes.

    Args:
        path: the archive, ``.tar.gz``; one that is there is replaced whole.
        folder: the folder in the archive.
        files: path below the folder and bytes.
        at: the time of all files, in seconds since the epoch.

    Raises:
        UsageError: it cannot be written.
    """
    stream = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=stream, mode="wb", mtime=at, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in files:
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime, entry.mode = len(content), at, _MODE
            archive.addfile(entry, io.BytesIO(content))
    data = stream.getvalue()
    try:
        write_atomically(path, data, mode=_MODE)
    except OSError as error:
        raise UnwrittenError(path, error, hint="name another file with --to") from None
    return len(data)
