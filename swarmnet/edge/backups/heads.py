"""The index of a target: the beginnings of its files, kept on this machine so that a list need not fetch them again.

It is never trusted. A beginning counts only for a file of the same name, size and version, its signature is checked
as if it had just been fetched, and one that does not hold is fetched again. What is there, the target itself says. So
a wrong index costs time and changes no answer; without one, or with one that cannot be read, it is made again.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from platformdirs import user_cache_path
from pydantic import Field, ValidationError

from swarmnet.files import make_folder, write_atomically
from swarmnet.model.base import Count, Document
from swarmnet.model.sealed import HEAD

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from swarmnet.model.targets import Stored

_LINES = 3
"""Of a sealed file before its age file."""
_LARGEST = 64 * 1024 * 1024
"""Bytes of an index that are read at most: of ten thousand backups, it has a quarter."""


class _Head(Document):
    """The beginning of one file, and of which one."""

    size: Count
    version: str
    lines: str = Field(max_length=HEAD)


class _Index(Document):
    """What the file holds."""

    version: int = Field(default=1, alias="schema", ge=1, le=1)
    heads: dict[str, _Head] = Field(default_factory=dict)


class Heads:
    """The index of one target."""

    def __init__(self, place: str, folder: Path | None = None) -> None:
        """Prepare; nothing is read yet.

        Args:
            place: the target's URL.
            folder: where indexes are; the user's own cache unless given.
        """
        chosen = folder if folder is not None else user_cache_path("swarmnet", appauthor=False) / "targets"
        self._path = chosen / f"{hashlib.sha256(place.encode()).hexdigest()[:32]}.json"
        self._known: dict[str, _Head] = {}
        self._changed = False

    def load(self) -> None:
        """Read what the last run kept."""
        try:
            with self._path.open("rb") as file:
                self._known = {**_Index.model_validate_json(file.read(_LARGEST)).heads, **self._known}
        except (OSError, ValidationError):
            return

    def of(self, file: Stored) -> bytes | None:
        """Return the beginning of a file as it was fetched before, None when it has changed or was never fetched."""
        known = self._known.get(file.name)
        if known is None or not file.version or (known.size, known.version) != (file.size, file.version):
            return None
        return known.lines.encode()

    def keep(self, file: Stored, data: bytes) -> None:
        """Keep the beginning of a file."""
        *lines, _rest = data[:HEAD].split(b"\n", _LINES)
        if len(lines) != _LINES or not file.version:
            return
        with suppress(UnicodeDecodeError, ValidationError):  # no backup has such a beginning
            text = b"\n".join((*lines, b"")).decode()
            self._known[file.name] = _Head(size=file.size, version=file.version, lines=text)
            self._changed = True

    def save(self, names: Container[str]) -> None:
        """Write what is known of these files for the next run, if anything is new; a full disk costs time only."""
        gone = [name for name in self._known if name not in names]
        if not self._changed and not gone:
            return
        for name in gone:
            del self._known[name]
        with suppress(OSError):
            make_folder(self._path.parent)
            write_atomically(self._path, _Index(heads=self._known).model_dump_json(by_alias=True).encode())
        self._changed = False
