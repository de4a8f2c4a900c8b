"""Image archives of this machine on their way to engines."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.host_image import ArchivedImage, ArchiveFile


@dataclass(slots=True)
class ArchiveReader:
    """An archive on its way to an engine; reads from the file as it is sent."""

    file: IO[bytes]
    size: int
    before: io.BytesIO = field(default_factory=io.BytesIO)
    """What goes before the file."""

    def __len__(self) -> int:
        return self.size + len(self.before.getbuffer())

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most ``size``; none at the end."""
        return self.before.read(size) or self.file.read(size)


class LocalImageFiles:
    """Implements ``ImageFiles``."""

    @contextmanager
    def open(self, archive: ArchiveFile, image: ArchivedImage, name: str) -> Iterator[ArchiveReader]:
        """Return an archive's bytes for an engine, with a ``manifest.json`` in front where it needs one."""
        try:
            file = open(archive.path, "rb")  # noqa: PTH123, SIM115 - closed below
        except OSError as error:
            raise UsageError(f"cannot read {archive.path}: {error.strerror}") from error
        with file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            if size != archive.size:
                raise UsageError(f"{archive.path} changed since the plan was made", hint="plan again")
            before = _manifest(file, image, name) if archive.needs_manifest else b""
            yield ArchiveReader(file, size, io.BytesIO(before))


def _manifest(file: IO[bytes], image: ArchivedImage, name: str) -> bytes:
    from swarmnet.edge.operator.image_archive import manifest_of  # noqa: PLC0415 - reads tar files, which few runs do

    return manifest_of(file, image, name)
