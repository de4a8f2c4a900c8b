"""Copy sealed backups to a target away from here. All I/O comes in as arguments.

A copy is proved before it counts: what was uploaded is fetched again and compared. Of no file more than parts are in
memory. What is there already is left out,
so a copy that was interrupted goes on where it was when it is run again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from swarmnet.errors import BackupNotFoundError, DamagedError, SwarmnetError, TargetError, TargetUnreachableError
from swarmnet.model.events import Progress
from swarmnet.model.targets import PART
from swarmnet.workflows.backup_lookup import with_header

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from swarmnet.model.events import Listener
    from swarmnet.model.sealed import Entry, Repository, Vault
    from swarmnet.model.targets import BackupTarget


class Outcome(StrEnum):
    """What became of one backup at one target."""

    COPIED = "copied"
    PRESENT = "present"
    """The same backup is there already."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Copied:
    """One backup that was to be copied."""

    entry: Entry
    at: str
    """Where it is at the target, or would be."""
    outcome: Outcome
    problem: SwarmnetError | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """A target, and its backups as a repository."""

    target: BackupTarget
    repository: Repository
    replace: bool = False
    """True replaces a file of the same name that has another content, as after ``keys rewrap``."""


def copy(
    entries: Iterable[Entry], *, source: Repository, vault: Vault, to: Destination, listener: Listener
) -> tuple[Copied, ...]:
    """Copy backups, oldest first; each is checked before it goes and after it arrived, and none stops the others.

    Args:
        entries: of the source, with their headers.
        source: where they are.
        vault: whose signatures count; no identity is needed.
        to: where they go.
        listener: receives an event for each upload.
    """
    chosen = sorted(entries, key=lambda one: one.name)
    try:
        present = _present(to)
    except SwarmnetError as error:
        return tuple(_failed(one, to, error) for one in chosen)
    copied: list[Copied] = []
    for entry in chosen:
        lost = next((one.problem for one in copied if isinstance(one.problem, TargetUnreachableError)), None)
        copied.append(_failed(entry, to, lost) if lost else _copied(entry, source, vault, to, (present, listener)))
    return tuple(copied)


def _present(to: Destination) -> dict[str, Entry]:
    try:
        return {str(one.path): one for one in to.repository.entries()}
    except BackupNotFoundError:  # the folder is made by the first copy; a bucket that is missing refuses it
        return {}


def _copied(
    entry: Entry, source: Repository, vault: Vault, to: Destination, run: tuple[dict[str, Entry], Listener]
) -> Copied:
    present, listener = run
    try:
        if entry.problem is not None:
            raise entry.problem
        with source.opened(entry) as file:
            header = vault.whole(file)
            name = to.repository.name_of(header)
            if there := present.get(name):
                found = with_header(there, to.repository, vault)
                if found is not None and found.header == header:
                    return Copied(entry, f"{to.target.place}/{name}", Outcome.PRESENT)
            listener(Progress(f"copying {entry.name} to {to.target.place}"))
            _upload(to, name, file)
    except SwarmnetError as error:
        return _failed(entry, to, error)
    return Copied(entry, f"{to.target.place}/{name}", Outcome.COPIED)


@dataclass(slots=True)
class _Print:
    """Size and digest of what went through it: two files with the same are one."""

    size: int = 0
    sha256: hashlib._Hash = field(default_factory=hashlib.sha256)

    def take(self, part: bytes) -> None:
        self.size += len(part)
        self.sha256.update(part)

    def is_of(self, other: _Print) -> bool:
        return (self.size, self.sha256.digest()) == (other.size, other.sha256.digest())


def _upload(to: Destination, name: str, file: BinaryIO) -> None:
    sent, found = _print_of(file), _Print()
    try:
        to.target.put(name, file, replace=to.replace)
        to.target.fetch(name, found.take)
    except FileExistsError:
        if _is(to, name, sent):  # another copy of it was faster
            return
        raise TargetError(
            f"{to.target.place}/{name} is there with another content; it was not overwritten",
            hint="look at it with `swarmnet backup check --repository`; --replace puts this backup in its place",
        ) from None
    except FileNotFoundError:
        found = _Print()
    if not found.is_of(sent):
        raise DamagedError(
            f"{to.target.place}/{name} is not what was sent ({found.size} of {sent.size} bytes came back)",
            hint="the target reported success, and did not keep it: run again with --replace, or use another target",
        )


def _print_of(file: BinaryIO) -> _Print:
    seen = _Print()
    file.seek(0)
    while part := file.read(PART):
        seen.take(part)
    return seen


def _is(to: Destination, name: str, sent: _Print) -> bool:
    found = _Print()
    try:
        to.target.fetch(name, found.take)
    except FileNotFoundError:
        return False
    return found.is_of(sent)


def _failed(entry: Entry, to: Destination, error: SwarmnetError) -> Copied:
    return Copied(entry, f"{to.target.place}/{entry.name}", Outcome.FAILED, error)
