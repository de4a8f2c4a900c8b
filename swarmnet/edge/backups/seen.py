"""The newest backup that was seen of each cluster, stored next to the keys.

Anyone who can write the repository, even without a key, can replace newer backups with an old one. They cannot reach
this file, which shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from swarmnet.edge.operator.owned_files import check_folder, read_public
from swarmnet.errors import UnwrittenError, UsageError
from swarmnet.files import locked, write_atomically
from swarmnet.model.base import Document
from swarmnet.model.sealed import Mark

if TYPE_CHECKING:
    from pathlib import Path


class _Seen(Document):
    """What the file holds."""

    version: int = Field(default=1, alias="schema", ge=1, le=1)
    clusters: dict[str, Mark] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeenFile:
    """Implements ``Memory``: ``seen.json`` in the directory of keys; without such a directory nothing is remembered."""

    directory: Path

    def newest(self, cluster: str) -> Mark | None:
        """Return what was seen of a cluster; raises ``UsageError`` when the file is damaged or others can change it."""
        return self._read().clusters.get(cluster)

    def keep(self, cluster: str, mark: Mark) -> None:
        """Remember a backup instead of the one that was remembered before.

        Raises:
            UsageError: the file cannot be written.
        """
        if not self.directory.is_dir():
            return
        try:
            with locked(self.directory / ".lock"):
                seen = _Seen(clusters={**self._read().clusters, cluster: mark})
                write_atomically(self._path, seen.model_dump_json(by_alias=True, indent=1).encode() + b"\n")
        except OSError as error:
            raise UnwrittenError(self._path, error, hint="make it writable") from None

    @property
    def _path(self) -> Path:
        return self.directory / "seen.json"

    def _read(self) -> _Seen:
        check_folder(self.directory)
        if not self._path.exists():
            return _Seen()
        try:
            return _Seen.model_validate_json(read_public(self._path))
        except ValidationError:
            raise UsageError(
                f"{self._path} is damaged",
                hint="remove it: then older backups instead of newer ones are not noticed until the next is seen",
            ) from None
