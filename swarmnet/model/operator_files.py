"""What the logic needs of files on the operator's machine: secrets, and sealed archives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from swarmnet.errors import SwarmnetError
    from swarmnet.model.base import Secret
    from swarmnet.model.sealed import Sink


class SecretFiles(Protocol):
    """Files on the operator's machine that hold one secret each and that only their owner can read."""

    def read(self, path: str) -> Secret | None:
        """Return the secret without blanks around it, None when the file does not exist.

        Raises:
            UsageError: it cannot be read, others can read it, or its folder is not there or not writable.
        """

    def write(self, path: str, secret: Secret) -> None:
        """Create the file atomically, readable by its owner only; an existing one is never overwritten.

        Raises:
            UsageError: the file exists with another content, or cannot be created.
        """


class Parts(Protocol):
    """Parts of an archive, to be iterated over once. They end early where something is wrong with it."""

    def __iter__(self) -> Iterator[bytes]: ...

    @property
    def problem(self) -> SwarmnetError | None:
        """What was wrong, once they have ended: then nothing of it may be used."""


class Archives(Protocol):
    """Sealed files on the operator's machine."""

    def write(self, path: str, produce: Callable[[Sink], object]) -> None:
        """Seal what ``produce`` gives to its argument for every recipient and create the file, whole.

        Nothing of it is kept in memory. An existing file is never overwritten; what ``produce`` raises leaves none.

        Raises:
            UsageError: there is no recipient, the file exists, or it cannot be written.
        """

    def unsealed(self, path: str) -> AbstractContextManager[Parts]:
        """Open a raft archive to be read once, part by part; nothing of it is in clear on a disk.

        Raises:
            UsageError: this run has no such archive.
        """
