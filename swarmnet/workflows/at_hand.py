"""Look for what is available for a restore, before anything is decided: nothing is written, and no host is asked.

A place that cannot be read, a file that is damaged and a key that fits nothing are findings, not errors: at that hour,
the operator needs to see the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from swarmnet.errors import SwarmnetError, WrongKeyError
from swarmnet.model.at_hand import ArchiveFound, AtHand, BackupFound, KeyFound, OldHost, PlaceFound
from swarmnet.plan.recovery.catalogue import latest, newest_first, of_kind
from swarmnet.plan.recovery.supplies import supplies_of
from swarmnet.workflows.backup_lookup import listing, with_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.sealed import Entry, Repository, Vault

SHOWN = 3
"""Files that cannot be used and are named, where nothing else is there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where backups may be."""

    name: str
    why: str
    repository: Repository | None
    """None where looking would need a network."""
    words: tuple[str, ...] = ()
    """What makes other commands look there."""
    files: tuple[str, ...] = ()
    """Paths of single files next to the repository's folders, or in its place."""
    has_folders: bool = True
    """False where only the files are meant."""


@dataclass(frozen=True, slots=True)
class Key:
    """A file that may open backups, and a vault that has nothing else to open with."""

    found: KeyFound
    vault: Vault | None = None
    """None where the file cannot be used."""


@dataclass(frozen=True, slots=True)
class _Seen:
    entry: Entry
    place: Place
    is_file: bool = False


def look(places: Sequence[Place], keys: Sequence[Key], checker: Vault) -> AtHand:
    """Return what is there, and which key opens the newest backup of each cluster.

    Args:
        places: where to look.
        keys: what to try, in this order.
        checker: whose signatures count; what recovery files name is among them.
    """
    found: list[PlaceFound] = []
    seen: list[_Seen] = []
    for place in places:
        here, problem = _of_place(place, checker)
        count = None if place.repository is None else len(here)
        found.append(PlaceFound(place=place.name, why=place.why, backups=count, problem=problem))
        seen += here
    return AtHand(
        places=tuple(found),
        backups=tuple(_backup(one, keys) for one in _chosen(seen)),
        keys=tuple(key.found for key in keys),
        archives=tuple(_archives(seen)),
    )


def _of_place(place: Place, checker: Vault) -> tuple[list[_Seen], str | None]:
    if place.repository is None:
        return [], None
    seen: list[_Seen] = []
    problem = None
    if place.has_folders:
        try:
            seen += [_Seen(entry, place) for entry in listing(place.repository, checker)]
        except SwarmnetError as error:
            problem = str(error)
    for path in place.files:
        entry = place.repository.at(path)
        looked = None if entry is None else with_header(entry, place.repository, checker)
        if looked is not None:
            seen.append(_Seen(looked, place, is_file=True))
    return seen, problem


def _chosen(seen: Iterable[_Seen]) -> Iterator[_Seen]:
    """Yield the newest backup of each cluster; where no backup can be used, a few of the files that cannot."""
    by_path = _by_path(seen)
    found = list(_newest_of_each(by_path, raft=False))
    yield from found
    if not found:
        others = newest_first(of_kind((one.entry for one in by_path.values()), raft=False))
        yield from (by_path[str(entry.path)] for entry in others[:SHOWN])


def _archives(seen: Iterable[_Seen]) -> Iterator[ArchiveFound]:
    for one in _newest_of_each(_by_path(seen), raft=True):
        header = one.entry.header
        if header is not None:
            yield ArchiveFound(name=one.entry.name, cluster=header.cluster, created=header.created, words=_words(one))


def _by_path(seen: Iterable[_Seen]) -> dict[str, _Seen]:
    found: dict[str, _Seen] = {}
    for one in seen:
        found.setdefault(str(one.entry.path), one)
    return found


def _newest_of_each(by_path: dict[str, _Seen], *, raft: bool) -> Iterator[_Seen]:
    usable = [one.entry for one in by_path.values() if one.entry.header is not None and one.entry.problem is None]
    for _cluster, entries in groupby(sorted(of_kind(usable, raft=raft), key=_cluster_of), key=_cluster_of):
        newest = latest(entries, raft=raft)
        if newest is not None:
            yield by_path[str(newest.path)]


def _cluster_of(entry: Entry) -> str:
    return "" if entry.header is None else entry.header.cluster


def _backup(seen: _Seen, keys: Sequence[Key]) -> BackupFound:
    entry, header = seen.entry, seen.entry.header
    found = BackupFound(name=entry.name, place=entry.place, words=_words(seen))
    if header is None or entry.problem is not None:
        problem = entry.problem
        return found.model_copy(
            update={"problem": None if problem is None else str(problem), "hint": problem.hint if problem else None}
        )
    found = found.model_copy(update={"cluster": header.cluster, "created": header.created, "complete": header.complete})
    return _opened(found, seen, keys)


def _words(seen: _Seen) -> tuple[str, ...]:
    return (seen.entry.place,) if seen.is_file else (seen.entry.name, *seen.place.words)


def _opened(found: BackupFound, seen: _Seen, keys: Sequence[Key]) -> BackupFound:
    """Return the backup with what the first key that opens it shows."""
    repository = seen.place.repository
    if repository is None:
        return found
    try:
        blob = repository.read(seen.entry)
        for key in keys:
            document = None if key.vault is None else _with(key.vault, blob)
            if document is not None:
                more = {
                    "opened_by": key.found.path,
                    "words": (*found.words, *key.found.words),
                    "hosts": _hosts(document),
                    "supplies": supplies_of(document),
                }
                return found.model_copy(update=more)
    except SwarmnetError as error:
        return found.model_copy(update={"problem": str(error), "hint": error.hint})
    return found


def _with(vault: Vault, blob: bytes) -> BackupDocument | None:
    """Return what is inside, None where this key is not one of its recipients'."""
    try:
        return vault.open(blob)
    except WrongKeyError:
        return None


def _hosts(document: BackupDocument) -> tuple[OldHost, ...]:
    hosts = []
    for name in document.completeness.hosts:
        facts, node = document.state.facts(name), document.state.node_of(name)
        address = "" if facts is None else facts.engine.membership.address
        hosts.append(OldHost(name=name, role=None if node is None else node.spec.role, address=address))
    return tuple(hosts)
