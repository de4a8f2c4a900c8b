"""Results of verify that were kept on this machine: for each cluster a folder, in it a file for each run.

Names begin with the time, so that their order is that of the runs. Of each cluster only the newest stay.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from swarmnet.edge.operator.files import read_document
from swarmnet.errors import UsageError
from swarmnet.files import make_folder, write_atomically

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

MOST = 100
"""Results of a cluster that stay."""
LARGEST = 256 * 1024 * 1024
"""Bytes of a result: a hundred times what 20 hosts with 30 overlays write."""
_TIME = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, slots=True)
class History:
    """The results of one cluster."""

    folder: Path

    def keep(self, run: str, at: datetime, text: str) -> Path:
        """Keep a result, remove those that are too many, and return where it is.

        Raises:
            UsageError: it cannot be written.
        """
        path = self.folder / f"{at.astimezone(UTC).strftime(_TIME)}-{run}.json"
        try:
            make_folder(self.folder)
            write_atomically(path, text.encode())
        except OSError as error:
            raise UsageError(
                f"the result cannot be kept as {path}: {error.strerror}", hint="make room or give permission there"
            ) from None
        for old in self.files()[MOST:]:
            with suppress(OSError):
                old.unlink()
        return path

    def files(self) -> tuple[Path, ...]:
        """Return the results that are kept, the newest first."""
        return tuple(sorted(self.folder.glob("*Z-*.json"), reverse=True)) if self.folder.is_dir() else ()

    def find(self, run: str) -> Path | None:
        """Return the result of a run; None where it is not kept."""
        return next((path for path in self.files() if run_of(path) == run), None)


def run_of(path: Path) -> str:
    """Return the run that a file is the result of."""
    return path.stem.partition("Z-")[2]


def read_result(path: Path) -> bytes:
    """Return a result as it is in its file; raises ``UsageError`` where it cannot be read."""
    return read_document(path, limit=LARGEST)
