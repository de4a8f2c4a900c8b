"""Archives: plain age files that each recipient opens with ``age -d``, such as a manager's folder of state."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from swarmnet.edge.backups.raft_file import parts, sealing
from swarmnet.edge.operator.files import expanded
from swarmnet.errors import SwarmnetError, UnwrittenError, UsageError
from swarmnet.files import write_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from swarmnet.edge.backups.keys import Recipient
    from swarmnet.model.sealed import Entry, Repository, Sink, Vault


@dataclass(frozen=True, slots=True)
class SealedArchives:
    """Implements ``Archives`` with the recipients of the directory of keys."""

    recipients: tuple[Recipient, ...]

    def write(self, path: str, produce: Callable[[Sink], object]) -> None:
        """Seal what ``produce`` gives for every recipient and create the file, whole; an existing one stays."""
        if not self.recipients:
            raise UsageError(f"no recipient to seal {path} for", hint="run `swarmnet keys init`")

        def refused(error: OSError) -> UsageError:
            return UnwrittenError(path, error, hint="name another file")

        def fill(file: BinaryIO) -> None:
            with sealing(file, [one.age() for one in self.recipients], refused) as sink:
                produce(sink)

        try:
            write_once(expanded(path), fill)
        except FileExistsError:
            raise UsageError(f"{path} exists; no archive is overwritten", hint="name another file") from None
        except OSError as error:
            raise refused(error) from None

    def unsealed(self, path: str) -> NoReturn:
        """Refuse: what is written here is for ``age -d``."""
        raise UsageError(f"{path} is not an archive of this run")


@dataclass(frozen=True, slots=True)
class RaftArchives:
    """Implements ``Archives`` with one raft archive of a repository, which it reads."""

    entry: Entry
    repository: Repository
    vault: Vault

    def write(self, path: str, produce: Callable[[Sink], object]) -> NoReturn:
        """Refuse."""
        raise UsageError(f"{path} is not written by this run ({produce})")

    @contextmanager
    def unsealed(self, path: str) -> Iterator[WatchedParts]:
        """Open the archive."""
        if path != self.entry.place:
            raise UsageError(f"{path} is not the archive of this run")
        with self.repository.opened(self.entry) as file, parts(partial(self.vault.open_raft, file)) as found:
            yield WatchedParts(found)


@dataclass(slots=True)
class WatchedParts:
    """Implements ``Parts``."""

    found: Iterator[bytes]
    problem: SwarmnetError | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Yield them; keep what is wrong."""
        try:
            yield from self.found
        except SwarmnetError as error:
            self.problem = error
