"""Read what an image archive (``docker save``) says of itself, however large or odd it is."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

MAX_ARCHIVE = 512 * 1024 * 1024
"""Bytes, of the file and of what it unpacks to."""
_MAX_DESCRIPTION = 1024 * 1024
"""Bytes of a manifest or of an image's configuration; real ones have some kilobytes."""


@dataclass(frozen=True, slots=True)
class ImageArchive:
    """One image in one file."""

    data: bytes
    reference: str
    """Its one tag."""
    image_id: str
    """``sha256:`` and the digest of its configuration."""
    machine: str | None
    """Architecture in Go's words, such as ``amd64``; None where the image names none."""


def read_archive(path: Path) -> ImageArchive:
    """Return the image of an archive.

    Raises:
        UsageError: There is no such file, it is too large or unpacks to too much, or it does not hold exactly one image
            with one tag.
    """
    try:
        if path.stat().st_size > MAX_ARCHIVE:
            raise UsageError(f"{path}: larger than {MAX_ARCHIVE >> 20} MiB", hint="give --probe-image instead")
        with path.open("rb") as file:
            data = file.read(MAX_ARCHIVE + 1)
        return parsed_archive(data)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    # Damage shows in as many ways as there are ways to compress; all of them mean the same here.
    except (tarfile.TarError, ValueError, LookupError, TypeError, AttributeError, EOFError, RecursionError) as error:
        raise UsageError(
            f"{path}: not an image archive with one tag", hint="make one with: docker save IMAGE:TAG"
        ) from error


def parsed_archive(data: bytes) -> ImageArchive:
    """Return the image of an archive's bytes; raise one of many errors of Python's own where it is not one."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members: dict[str, tarfile.TarInfo] = {}
        unpacked = 0
        for member in archive:
            unpacked += max(member.size, 0)
            if unpacked > MAX_ARCHIVE:
                raise ValueError("it unpacks to more than any probe needs")
            members[member.name] = member
        (image,) = json.loads(_description(archive, members["manifest.json"]))
        (tag,) = image["RepoTags"]
        config = _description(archive, members[image["Config"]])
    machine = json.loads(config).get("architecture")
    return ImageArchive(
        data=data,
        reference=str(tag),
        image_id=f"sha256:{hashlib.sha256(config).hexdigest()}",
        machine=machine if isinstance(machine, str) else None,
    )


def _description(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.size <= _MAX_DESCRIPTION else None
    if file is None:
        raise ValueError(f"{member.name} is not a small file")
    return file.read()
