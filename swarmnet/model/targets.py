"""Where copies of backups go, as logic sees it; the real targets are in ``swarmnet.edge.targets``.

A target decides nothing about backups: what a file is, its signed header tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import BinaryIO

    from swarmnet.model.sealed import Sink

PART = 256 * 1024
"""Bytes of a file that targets hand over at once."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of a target."""

    name: str
    """``CLUSTER'S FOLDER/FILE``."""
    size: int
    version: str = ""
    """Another one after each change, as the target sees it (an entity tag, a time); empty where it has none."""


class BackupTarget(Protocol):
    """A directory, a folder on an SFTP server, a prefix of a bucket. Nothing is connected before the first call.

    Every method raises ``TargetUnreachableError`` when the target does not answer, and ``TargetError`` when it refuses.
    """

    @property
    def place(self) -> str:
        """The target for messages; it holds no credential."""

    def files(self) -> tuple[Stored, ...]:
        """Return what could be a backup, by name.

        Raises:
            BackupNotFoundError: the folder does not exist or bucket.
        """

    def read(self, name: str, most: int) -> bytes:
        """Return the first ``most`` bytes of a file, or all of a shorter one.

        Raises:
            FileNotFoundError: the file does not exist.
        """

    def fetch(self, name: str, sink: Sink) -> None:
        """Give all of a file to ``sink``, part by part; what it raises ends that.

        Raises:
            FileNotFoundError: the file does not exist.
        """

    def put(self, name: str, content: BinaryIO, *, replace: bool = False) -> None:
        """Write a file whole or not at all, part by part; others never see a part of it.

        Args:
            name: ``FOLDER/FILE``; the folder is created where it is missing.
            content: a file, read from its beginning.
            replace: True replaces a file of this name; otherwise it is never overwritten.

        Raises:
            FileExistsError: a file has this name.
        """

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens when it does not exist."""
