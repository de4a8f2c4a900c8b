"""Where ``swarmnet restore`` looks for backups and keys: what was named, what is configured, and what is found here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.cli.repositories import DEFAULT_REPOSITORY
from swarmnet.cli.sealing import key_ring, passphrase, trusted_signers
from swarmnet.errors import SwarmnetError
from swarmnet.model.at_hand import KeyFound
from swarmnet.workflows.at_hand import Key, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from swarmnet.edge.backups.keys import IdentityFile, Signer
    from swarmnet.model.at_hand import AtHand

_MARK = b"AGE-SECRET-KEY-1"
"""What a line of an age identity begins with."""
_ENDINGS = ("", ".txt", ".key", ".age")
_LARGEST = 64 * 1024
"""Bytes of a file that may be an identity."""
_MOST = 1000
"""Files of one directory that are looked at."""


def at_hand(
    repository: str | None, keys: Path | None, identities: list[Path] | None, trust: list[str] | None
) -> AtHand:
    """Look for what is available for a restore.

    Args:
        repository: the directory or target that was named, or None.
        keys: the key directory that was named, or None for the user's own.
        identities: files to open with that were named.
        trust: signers to accept in this run.

    Raises:
        UsageError: what was named is not what it should be.
    """
    from swarmnet.edge.backups.vault import AgeVault
    from swarmnet.workflows.at_hand import look

    files = list(_identity_files(repository, keys, identities))
    ring = key_ring(keys)
    trusted: tuple[Signer, ...] = (
        *trusted_signers(ring, trust),
        *(one for _, file in files if file for one in file.signers),
    )
    found = [
        Key(key, None if file is None else AgeVault(trusted=trusted, identities=tuple(file.identities)))
        for key, file in files
    ]
    return look(list(_places(repository)), found, AgeVault(trusted=trusted))


def _places(named: str | None) -> Iterator[Place]:
    from swarmnet.cli.targets import repository_at
    from swarmnet.edge.backups.repository import DirectoryRepository

    if named is not None:
        place = repository_at(named)
        files = tuple(_backups_in(Path(named))) if isinstance(place, DirectoryRepository) else ()
        has_folders = not files or any(path.is_dir() for path in _content(Path(named)))
        yield Place(place.place, "named with --repository", place, ("--repository", named), files, has_folders)
        return
    default = Path(DEFAULT_REPOSITORY)
    if default.is_dir():
        store = DirectoryRepository(default)
        yield Place(store.place, "the default repository", store)
    here = DirectoryRepository(Path())
    yield Place(here.place, "the working directory", here, ("--repository", "."), tuple(_backups_in(Path())))
    yield from _scheduled()


def _scheduled() -> Iterator[Place]:
    """Yield where the schedules of this user write and copy backups to; targets away from here are only named."""
    from swarmnet.cli.schedules import schedules
    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.edge.targets.location import is_url

    store = schedules(None)
    for cluster in store.names():
        schedule = store.get(cluster)
        for text in (schedule.repository, *schedule.to):
            repository = None if is_url(text) else DirectoryRepository(Path(text))
            yield Place(text, f"of the schedule of {cluster}", repository, ("--repository", text))


def _identity_files(
    repository: str | None, keys: Path | None, named: list[Path] | None
) -> Iterator[tuple[KeyFound, IdentityFile | None]]:
    """Yield the files that may open something: named ones must be right, of others it is said what is wrong."""
    from swarmnet.edge.backups.keys import load_identities

    known = list(named or ())
    for path in known:
        found = KeyFound(path=str(path), why="named with --identity", words=("--identity", str(path)))
        yield found, load_identities(path, passphrase)
    ring = key_ring(keys)
    if ring.identity.exists():
        words = () if keys is None else ("--keys", str(keys))
        yield _tried(ring.identity, "of the key directory", words)
    folders = [Path(), *([Path(repository)] if repository is not None else [])]
    seen = {path.resolve() for path in (*known, ring.identity) if path.exists()}
    for folder in folders:
        for path in _content(folder):
            if path.resolve() not in seen and _may_open(path):
                seen.add(path.resolve())
                yield _tried(path, "found here", ("--identity", str(path)))


def _tried(path: Path, why: str, words: tuple[str, ...]) -> tuple[KeyFound, IdentityFile | None]:
    from swarmnet.edge.backups.keys import load_identities

    found = KeyFound(path=str(path), why=why, words=words)
    try:
        return found, load_identities(path, passphrase)
    except SwarmnetError as error:
        return found.model_copy(update={"problem": error.message, "hint": error.hint}), None


def _backups_in(folder: Path) -> Iterator[str]:
    from swarmnet.edge.backups.repository import SUFFIX

    return (str(path) for path in _content(folder) if path.name.endswith(SUFFIX) and path.is_file())


def _content(folder: Path) -> Sequence[Path]:
    """Return what is in a directory, not below it; nothing where it cannot be read."""
    try:
        return sorted(folder.iterdir())[:_MOST]
    except OSError:
        return ()


def _may_open(path: Path) -> bool:
    """Return whether a small file has an age identity in it."""
    try:
        if path.suffix not in _ENDINGS or not path.is_file() or path.stat().st_size > _LARGEST:
            return False
        return any(line.startswith(_MARK) for line in path.read_bytes().splitlines())
    except OSError:
        return False
