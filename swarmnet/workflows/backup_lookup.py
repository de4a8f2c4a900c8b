"""List, find, check and open backups. All I/O comes in as arguments.

No single file stops a look at the others: what is wrong with one is part of its entry. A list reads the beginnings of
files; only reading all of a file shows that it is whole.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from swarmnet.errors import BackupNotFoundError, DamagedError, SchemaError, UsageError, WrongKeyError
from swarmnet.model.backup import Reason, schema_number
from swarmnet.model.sealed import Mark
from swarmnet.plan.recovery.catalogue import (
    LATEST,
    is_older,
    latest_of_each,
    meant,
    newest_first,
    newest_of,
    of_kind,
    older_than_seen,
    to_remember,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from swarmnet.errors import SwarmnetError
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.raft_archive import RaftManifest
    from swarmnet.model.sealed import Entry, Memory, Repository, SealedHeader, Vault

_Found = TypeVar("_Found", bound="_Dated")


class _Dated(Protocol):
    """Whatever says which backup it is."""

    @property
    def id(self) -> str: ...

    @property
    def created(self) -> datetime: ...


UNUSABLE = (WrongKeyError, SchemaError, DamagedError, BackupNotFoundError)
"""What makes one backup unusable here, as opposed to the repository; the first is the easiest to solve."""


AT_ONCE = 8
"""Backups that are read at the same time."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of one backup found."""

    entry: Entry
    opened: bool
    """False with a valid signature: no identity was available to open it."""
    problem: SwarmnetError | None = None


def listing(repository: Repository, vault: Vault, cluster: str | None = None) -> tuple[Entry, ...]:
    """Return the backups, newest first, each with its header or with what is wrong with it."""
    entries = repository.entries(cluster)
    with ThreadPoolExecutor(AT_ONCE) as pool:  # a target answers each question after a while
        looked = pool.map(lambda entry: with_header(entry, repository, vault), entries)
        return newest_first(entry for entry in looked if entry is not None)


def newest_complete(repository: Repository, vault: Callable[[], Vault], cluster: str, now: datetime) -> datetime | None:
    """Return the time of the newest complete backup of a cluster that is not from the future; None without one.

    Names begin with the time, and a name that its signed header contradicts does not count. So headers are read from
    the newest name on, up to the first that counts; ``vault`` is called only where there is a file to check.

    Raises:
        BackupNotFoundError: there is no repository.
    """
    entries = sorted(repository.entries(cluster), key=lambda one: one.path.name, reverse=True)
    if not entries:
        return None
    checker = vault()
    looked = (with_header(entry, repository, checker) for entry in entries)
    return next((found for one in looked if one is not None and (found := newest_of((one,), now))), None)


def with_header(entry: Entry, repository: Repository, vault: Vault) -> Entry | None:
    """Return the entry with its header, or with what is wrong with it; None when the file is gone."""
    if entry.problem is not None:
        return entry
    try:
        header = _header(entry, repository, vault)
    except UNUSABLE as error:
        return replace(entry, problem=error)
    if header is None:
        return None
    if belongs := repository.contradiction(entry, header):
        return replace(
            entry,
            problem=DamagedError(
                f"its name or folder was changed: by its signed header it is {belongs}",
                hint="if you renamed the file, give it that name again",
            ),
        )
    try:
        schema_number(header.schema_version)
    except SchemaError as error:
        return replace(entry, header=header, problem=error)
    return replace(entry, header=header)


def _header(entry: Entry, repository: Repository, vault: Vault) -> SealedHeader | None:
    """Return the header, None when the file is gone; an index that shows no sound one of this name is not believed."""
    known = repository.head(entry)
    if known is None:
        return None
    with suppress(*UNUSABLE):
        header = vault.glance(*known)
        if not repository.contradiction(entry, header):
            return header
    seen = repository.head(entry, fresh=True)
    return None if seen is None else vault.glance(*seen)


def proved(entry: Entry, repository: Repository, vault: Vault) -> Entry:
    """Return the entry after all of its file was read, without its header when that does not hold."""
    if entry.header is None or entry.problem is not None:
        return entry
    try:
        if entry.header.is_raft:
            with repository.opened(entry) as file:
                _same(entry, vault.whole(file))
        else:
            _same(entry, vault.header(repository.read(entry)))
    except UNUSABLE as error:
        return replace(entry, header=None, problem=error)
    return entry


@dataclass(frozen=True, slots=True)
class Found:
    """The requested backup."""

    entry: Entry
    among: tuple[Entry, ...] = ()
    """What ``latest`` was chosen from."""


def find(
    reference: str, *, repository: Repository, vault: Vault, cluster: str | None = None, raft: bool = False
) -> Found:
    """Return the backup that a path, ``latest``, a name or the unique beginning of a name or id means, with its header.

    Args:
        reference: what the operator calls it.
        repository: where it is looked for; a path may lie elsewhere.
        vault: whose signatures count.
        cluster: its backups come first. ``latest`` means one of another cluster only where there is just one cluster.
        raft: ``latest`` means a raft archive, which it never does otherwise.

    Raises:
        BackupNotFoundError: none does, or several do.
        WrongKeyError, SchemaError, DamagedError: what is meant cannot be used.
    """
    named = None if reference == LATEST else repository.at(reference)
    if named is not None:
        looked = with_header(named, repository, vault)
        return Found(_usable((looked or named,), reference, repository))

    def listed(of: str | None) -> tuple[Entry, ...]:
        entries = listing(repository, vault, of)
        return of_kind(entries, raft=raft) if reference == LATEST else entries

    entries = listed(cluster)
    found = _meant(_likely(entries, reference), reference, raft=raft)
    if not found and cluster is not None:
        wider = listed(None)
        likely = _likely(wider, reference)
        if reference == LATEST:
            _refuse_to_choose(likely, cluster)
        found = _meant(likely, reference, raft=raft)
        entries = wider if found else entries
    found = found or _meant(entries, reference, raft=raft)
    return Found(_usable(found, reference, repository), entries if reference == LATEST else ())


def _likely(entries: tuple[Entry, ...], reference: str) -> tuple[Entry, ...]:
    """Return what ``latest`` chooses from at first: not what was saved before a restore, see ``catalogue.latest``.

    A second restore from the backup of another cluster would otherwise be one of the state that the first one left.
    """
    if reference != LATEST:
        return entries
    return tuple(one for one in entries if one.header is None or one.header.reason is not Reason.PRE_RESTORE)


def _refuse_to_choose(entries: tuple[Entry, ...], cluster: str) -> None:
    """Raise ``BackupNotFoundError`` when the latest backup could be that of several other clusters."""
    clusters = sorted({entry.header.cluster for entry in entries if entry.header is not None})
    if len(clusters) > 1:
        raise BackupNotFoundError(
            f"no backup of cluster {cluster!r}; there are those of {', '.join(clusters)}",
            hint="`swarmnet backup list` shows them: name one of them",
        )


def _meant(entries: tuple[Entry, ...], reference: str, *, raft: bool) -> tuple[Entry, ...]:
    return meant(entries, reference, raft=raft) or _unusable_latest(entries, reference)


def _unusable_latest(entries: tuple[Entry, ...], reference: str) -> tuple[Entry, ...]:
    """Return what ``latest`` could mean when nothing verifies: the one whose problem is easiest to solve."""
    found = sorted((entry for entry in entries if reference == LATEST), key=_rank)
    return tuple(found[:1])


def _rank(entry: Entry) -> int:
    return next((number for number, kind in enumerate(UNUSABLE) if isinstance(entry.problem, kind)), len(UNUSABLE))


def _usable(found: tuple[Entry, ...], reference: str, repository: Repository) -> Entry:
    if len(found) > 1:
        raise BackupNotFoundError(
            f"{reference!r} matches {len(found)} backups: {', '.join(entry.name for entry in found[:5])}",
            hint="give more characters of the name",
        )
    if not found:
        raise BackupNotFoundError(
            f"no backup {reference!r} in {repository.place}", hint="`swarmnet backup list` shows what there is"
        )
    (entry,) = found
    if entry.problem is not None:
        with _named(entry):
            raise entry.problem
    return entry


def opened(entry: Entry, *, repository: Repository, vault: Vault) -> BackupDocument:
    """Return the document of a backup that was found; raises what reading, checking and opening raise."""
    with _named(entry):
        return _same(entry, vault.open(repository.read(entry)))


def opened_raft(entry: Entry, *, repository: Repository, vault: Vault) -> RaftManifest:
    """Return what a raft archive that was found tells about itself, after all of it was opened and checked."""
    with _named(entry), repository.opened(entry) as file:
        return _same(entry, vault.open_raft(file))


def checked_header(entry: Entry, *, repository: Repository, vault: Vault) -> SealedHeader:
    """Return what a backup that was found tells without a key, after all of its file was checked."""
    with _named(entry), repository.opened(entry) as file:
        return _same(entry, vault.whole(file))


def _same(entry: Entry, found: _Found) -> _Found:
    """Return what was read if it is what was listed; the file may have been replaced in between."""
    if entry.header is not None and (found.id, found.created) != (entry.header.id, entry.header.created):
        raise DamagedError("another backup was put in its place while it was read", hint="run the command again")
    return found


@contextmanager
def _named(entry: Entry) -> Iterator[None]:
    """Add the backup's name to its error."""
    try:
        yield
    except UNUSABLE as error:
        raise type(error)(f"{entry.name}: {error.message}", hint=error.hint) from error


def check(entries: Iterable[Entry], *, repository: Repository, vault: Vault) -> tuple[Checked, ...]:
    """Check signature and digest of each backup, and open it where an identity is available; leave out what is gone."""
    # Decrypting, unpacking and hashing leave the interpreter to others.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda entry: _checked(entry, repository, vault), entries)
        return tuple(one for one in found if one is not None)


def _checked(entry: Entry, repository: Repository, vault: Vault) -> Checked | None:
    if entry.problem is not None:
        return Checked(entry, opened=False, problem=entry.problem)
    try:
        if repository.head(entry) is None:  # a prune at the same time may have removed it
            return None
        if entry.header is not None and entry.header.is_raft:
            with repository.opened(entry) as file:
                _same(entry, vault.open_raft(file) if vault.can_open else vault.whole(file))
        else:
            blob = repository.read(entry)
            _same(entry, vault.open(blob) if vault.can_open else vault.header(blob))
    except UNUSABLE as error:
        return Checked(entry, opened=False, problem=error)
    return Checked(entry, opened=vault.can_open)


@dataclass(frozen=True, slots=True)
class Remembering:
    """What was seen of each cluster's backups before, and what is remembered for the next time."""

    memory: Memory
    now: datetime

    def look(self, entries: Sequence[Entry]) -> Iterator[str]:
        """Yield a warning for each cluster whose newest backup is older than one seen before; remember the others."""
        for header in latest_of_each(entries):
            newest, seen = Mark.of(header), self.memory.newest(header.cluster)
            if seen is not None and is_older(newest, seen, self.now):
                yield older_than_seen(header.cluster, newest, seen)
            elif header.complete and (mark := to_remember(seen, newest, self.now)):
                yield from self._kept(header.cluster, mark)

    def made(self, document: BackupDocument) -> Iterator[str]:
        """Remember a backup that was just taken; yield why that is not possible."""
        if not document.completeness.complete or document.reason is Reason.PRE_RESTORE:
            return
        taken = Mark(created=document.created, id=document.id)
        if mark := to_remember(self.memory.newest(document.cluster), taken, self.now, made=True):
            yield from self._kept(document.cluster, mark)

    def _kept(self, cluster: str, mark: Mark) -> Iterator[str]:
        try:
            self.memory.keep(cluster, mark)
        except UsageError as error:  # a look must not fail because nothing can be written
            yield f"the newest backup cannot be remembered: {error.message}"
