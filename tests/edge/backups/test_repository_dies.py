"""A process that is killed at any step of writing or removing backups, and a disk that is full at any page.

A child does the work and is killed before its so-manieth change of the disk; what is left is what a reader finds on
the next morning. The sweep ends with the first child that comes to its end.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.errors import SwarmnetError
from swarmnet.model.events import ignore
from swarmnet.plan.recovery.catalogue import latest
from swarmnet.plan.recovery.retention import Keep
from swarmnet.workflows.backup import Order, create, prune
from swarmnet.workflows.backup_lookup import check, listing
from tests.support.backups import CREATED, a_state
from tests.support.sealed import VAULT, take

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

CHANGES = frozenset({"mkdir", "open", "fchmod", "write", "flush", "fsync", "rename", "replace", "unlink", "rmdir"})
"""Functions by which a process changes a disk, as the interpreter calls them."""
NEW = "f" * 32
LATER = CREATED + timedelta(days=9)


def _killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that is killed before its so-manieth change of the disk; return whether it was."""
    child = os.fork()
    if child == 0:
        left = itertools.count(step, -1)

        def count(_frame: FrameType, event: str, called: object) -> None:
            if event == "c_call" and getattr(called, "__name__", "") in CHANGES and next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        work()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _take(repository: DirectoryRepository, backup_id: str = NEW) -> None:
    order = Order(cluster="prod", backup_id=backup_id, created=LATER, tool="swarmnet 0.1.0")
    create(order, a_state, vault=VAULT, repository=repository, listener=ignore)


def _copy(folder: Path, step: int) -> DirectoryRepository:
    shutil.copytree(folder / "old", folder / str(step))
    return DirectoryRepository(folder / str(step))


def _sound(repository: DirectoryRepository) -> set[str]:
    """Return the ids of the backups, all of which open."""
    found = check(listing(repository, VAULT), repository=repository, vault=VAULT)
    assert all(one.opened for one in found)
    return {one.entry.id for one in found}


def test_a_backup_that_is_killed_at_any_step_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    ends: set[bool] = set()
    before = _sound(take(tmp_path / "old", 2))
    for step in itertools.count():
        repository = _copy(tmp_path, step)
        killed = _killed_at(step, lambda: _take(repository))  # noqa: B023 - called before the next turn
        after = _sound(repository)
        assert after - before <= {NEW}
        assert before <= after
        newest = latest(listing(repository, VAULT))
        assert newest is not None
        ends.add(NEW in after)
        _take(repository, "e" * 32)  # no lock and no file is in the way of the next one
        assert "e" * 32 in _sound(repository)
        if not killed:
            break
    assert ends == {True, False}


def test_a_prune_that_is_killed_at_any_step_has_removed_nothing_that_it_should_keep(tmp_path: Path) -> None:
    left: set[int] = set()
    newest = listing(take(tmp_path / "old", 3), VAULT)[0].id
    for step in itertools.count():
        repository = _copy(tmp_path, step)

        def work(at: DirectoryRepository = repository) -> object:
            return prune(Keep(last=1), "prod", repository=at, vault=VAULT, now=LATER, remove=True)

        killed = _killed_at(step, work)
        after = _sound(repository)
        assert newest in after
        left.add(len(after))
        work()
        assert _sound(repository) == {newest}
        if not killed:
            break
    assert left == {1, 2, 3}


@pytest.mark.lab
def test_a_disk_that_is_full_at_any_page_leaves_the_older_backups_and_says_so(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)], check=True)
    try:
        repository = take(place, 2)
        before, failures = _sound(repository), 0
        for pages in itertools.count():
            _fill(place / "filler", but=pages)
            error = _refusal(repository)
            if error is None:
                assert _sound(repository) == before | {NEW}
                break
            failures += 1
            assert (error.exit_code, "No space left" in str(error)) == (1, True)
            assert "older backups are untouched" in (error.hint or "")
            assert _sound(repository) == before
            assert {path.suffix for path in (place / "prod").iterdir()} <= {".swarmnet", ""}
        assert failures > 1
    finally:
        subprocess.run(["/bin/umount", str(place)], check=True)


def _refusal(repository: DirectoryRepository) -> SwarmnetError | None:
    try:
        _take(repository)
    except SwarmnetError as error:
        return error
    return None


def _fill(path: Path, *, but: int) -> None:
    """Fill the disk, and leave so many pages free."""
    with path.open("wb", buffering=0) as filler:
        written = 0
        with suppress(OSError):
            while True:
                written += filler.write(bytes(4096))
        filler.truncate(max(0, written - but * 4096))
