"""The schedules of this user: one private file for each cluster, since a monitoring URL in it is a secret."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from swarmnet.edge.backups.repository import slug
from swarmnet.edge.operator.owned_files import read_private
from swarmnet.errors import SchemaError, UnwrittenError, UsageError
from swarmnet.files import locked, make_folder, write_atomically
from swarmnet.model.schedule import History, Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from swarmnet.model.base import Document

_Kind = TypeVar("_Kind", Schedule, History)
_SCHEDULE, _HISTORY, _LOCK = ".schedule.json", ".runs.json", ".lock"


@dataclass(frozen=True, slots=True)
class Schedules:
    """Schedules below one directory."""

    directory: Path

    def names(self) -> tuple[str, ...]:
        """Return the clusters that have a schedule."""
        paths = sorted(self.directory.glob(f"*{_SCHEDULE}")) if self.directory.is_dir() else []
        return tuple(_read(path, Schedule).cluster for path in paths)

    def get(self, cluster: str | None) -> Schedule:
        """Return the schedule of a cluster, or the only one.

        Raises:
            UsageError: there is none, several, or others can read it.
            SchemaError: it is damaged, or of a newer version.
        """
        names = self.names()
        if cluster is None and len(names) != 1:
            what = f"there are {len(names)} schedules: {', '.join(names)}" if names else "there is no schedule"
            hint = "name one of them" if names else "`swarmnet schedule install` makes one"
            raise UsageError(f"{what} in {self.directory}", hint=hint)
        name = names[0] if cluster is None else cluster
        path = self._path(name, _SCHEDULE)
        if not path.exists():
            known = f"there are {', '.join(names)}" if names else "`swarmnet schedule install` makes one"
            raise UsageError(f"no schedule of cluster {name!r} in {self.directory}", hint=known)
        return _read(path, Schedule)

    def find(self, cluster: str) -> Schedule | None:
        """Return the schedule of a cluster, None without one; no other is read. Raises as ``get`` does."""
        path = self._path(cluster, _SCHEDULE)
        return _read(path, Schedule) if path.exists() else None

    def put(self, schedule: Schedule) -> None:
        """Write a schedule; it replaces the one that its cluster had."""
        self._write(schedule.cluster, _SCHEDULE, schedule)

    def remove(self, cluster: str) -> None:
        """Remove a schedule and what is remembered of its runs."""
        for ending in (_SCHEDULE, _HISTORY, _LOCK):
            self._path(cluster, ending).unlink(missing_ok=True)

    def history(self, cluster: str) -> History:
        """Return what is remembered of the runs; nothing where there was none, or where it cannot be read."""
        path = self._path(cluster, _HISTORY)
        try:
            return _read(path, History) if path.exists() else History()
        except SchemaError:  # it says when the last run was, and a backup does not depend on that
            return History()

    def remember(self, cluster: str, history: History) -> None:
        """Write down what became of a run."""
        self._write(cluster, _HISTORY, history)

    @contextmanager
    def running(self, cluster: str) -> Iterator[None]:
        """Keep other runs of the same schedule out; the kernel drops the lock when the process dies.

        Raises:
            LockedError: a run goes on.
        """
        busy = f"a scheduled run for cluster {cluster!r} is still running"
        with locked(self._path(cluster, _LOCK), limit=0, busy=lambda: busy):
            yield

    def _write(self, cluster: str, ending: str, document: Document) -> None:
        path = self._path(cluster, ending)
        try:
            make_folder(self.directory)
            write_atomically(path, document.model_dump_json(indent=2).encode() + b"\n")
        except OSError as error:
            raise UnwrittenError(path, error) from None

    def _path(self, cluster: str, ending: str) -> Path:
        return self.directory / f"{slug(cluster)}{ending}"


def _read(path: Path, kind: type[_Kind]) -> _Kind:
    try:
        return kind.model_validate_json(read_private(path))
    except ValidationError:
        raise SchemaError(f"{path} is damaged, or of another version", hint="run `swarmnet schedule install`") from None
