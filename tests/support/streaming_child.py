"""Take a large raft archive all its ways in a process of its own, and print the memory that each needs.

A program, since the peak of a process counts what libraries outside of Python hold, too, and cannot be set back.
``python -m tests.support.streaming_child KIND FOLDER MIB`` prints JSON: MiB of memory at the start, then the peak after
each step.
"""

from __future__ import annotations

import json
import random
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.backups.archives import RaftArchives
from swarmnet.edge.backups.away import AwayRepository
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.model.backup import Reason
from swarmnet.model.events import ignore
from swarmnet.workflows.backup_copy import Destination, copy
from swarmnet.workflows.backup_lookup import check, listing
from tests.support.backup_targets import KINDS
from tests.support.raft_archives import a_manifest
from tests.support.sealed import VAULT

if TYPE_CHECKING:
    from swarmnet.model.raft_archive import RaftManifest
    from swarmnet.model.sealed import Repository, Sink

MIB = 1024 * 1024
MANIFEST = a_manifest()


def peak() -> float:
    """Return the most MiB of memory that this process had (``VmHWM``; ``ru_maxrss`` counts what began it, too)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kib) / 1024


def create(folder: Path, size: int) -> DirectoryRepository:
    """Seal an archive of so many MiB that cannot be packed smaller."""
    part = random.Random(1).randbytes(MIB)  # noqa: S311 - no secret

    def produce(sink: Sink) -> RaftManifest:
        packer = zlib.compressobj(level=0, wbits=31)
        for _ in range(size):
            sink(packer.compress(part))
        sink(packer.flush())
        return MANIFEST

    repository = DirectoryRepository(folder)
    repository.receive("prod", MANIFEST.id, lambda file: VAULT.seal_raft(produce, file, reason=Reason.MANUAL))
    return repository


def checked(repository: Repository) -> None:
    """Open all of it."""
    (found,) = check(listing(repository, VAULT), repository=repository, vault=VAULT)
    assert found.opened, found.problem


def opened(repository: Repository, size: int) -> None:
    """Open all of it as a restore does, for its host."""
    (entry,) = listing(repository, VAULT)
    with RaftArchives(entry, repository, VAULT).unsealed(entry.place) as parts:
        assert sum(map(len, parts)) > size * MIB
        assert parts.problem is None, parts.problem


def main(kind: str, folder: Path, size: int) -> dict[str, float]:
    """Return the peak after each step."""
    with pytest.MonkeyPatch.context() as patch, KINDS[kind](folder, patch) as place:
        peaks = {"start": peak()}
        here = create(folder / "backups", size)
        peaks["create"] = peak()
        opened(here, size)
        peaks["open"] = peak()
        away = AwayRepository(place.target)
        (copied,) = copy(
            listing(here, VAULT), source=here, vault=VAULT, to=Destination(place.target, away), listener=ignore
        )
        assert copied.problem is None, copied.problem
        peaks["copy"] = peak()
        checked(away)
        peaks["check there"] = peak()
        opened(away, size)
        peaks["open there"] = peak()
    return peaks


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
