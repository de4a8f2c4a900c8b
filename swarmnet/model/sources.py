"""The files that made a cluster, as a backup keeps them: the playbook, what it reads, and the inventory."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, Field

from swarmnet.model.base import Document

LARGEST = 4 * 1024 * 1024
"""Bytes of all files of one backup."""


def _below(name: str) -> str:
    """Return a path that cannot leave the folder that it is written to."""
    path = PurePosixPath(name)
    odd = any(sign in name for sign in "\\\0\n") or str(path) != name
    if odd or path.is_absolute() or not path.parts or ".." in path.parts:
        raise ValueError("must be a path below one folder")
    return name


FileName = Annotated[str, AfterValidator(_below)]


class SourceFile(Document):
    """One file."""

    name: FileName
    """Its path, which starts at the playbook's folder."""
    content: bytes = Field(repr=False)


class Sources(Document):
    """The files that made a cluster."""

    playbook: FileName
    """Which file is the playbook."""
    inventory: FileName
    """Which file is the inventory."""
    files: tuple[SourceFile, ...]
    missing: tuple[str, ...] = ()
    """What the playbook reads and no backup keeps, such as the file of a secret, as the playbook names it."""

    @property
    def named(self) -> dict[str, bytes]:
        """The contents by name."""
        return {one.name: one.content for one in self.files}
