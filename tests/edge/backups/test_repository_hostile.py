"""M2, L7, L8: files of others among the backups are doubted, and what was written survives a power cut."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.errors import LockedError, SwarmnetError
from swarmnet.files import make_folder
from tests.support.backups import a_document

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

WHO = {"pid": 7, "machine": "laptop", "since": "2026-01-31T04:05:06Z"}


def _text(**changes: object) -> Callable[[Path], object]:
    return lambda path: path.write_text(json.dumps(WHO | changes))


HOLDERS: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "link": lambda path: path.symlink_to("/etc/passwd"),
    "nothing": lambda path: path.touch(),
    "list": lambda path: path.write_text("[1]"),
    "lines": _text(machine="laptop\nerror: the cluster is gone"),
    "escapes": _text(machine="\x1b[2J"),
    "nan": lambda path: path.write_text('{"pid": NaN, "machine": "a", "since": NaN}'),
    "no time": _text(since="yesterday"),
    "number": _text(since=1e300),
    "large": lambda path: path.write_bytes(b"[" * 10_000_000),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("kind", HOLDERS)
def test_whatever_tells_who_holds_the_lock_is_one_plain_line(tmp_path: Path, kind: str) -> None:
    repository = DirectoryRepository(tmp_path)
    with repository.locked("prod"):
        holder = tmp_path / "prod" / ".holder"
        holder.unlink()
        HOLDERS[kind](holder)
        with (
            pytest.raises(LockedError, match=r"^the backups of 'prod' are in use by another process$"),
            repository.locked("prod"),
        ):
            pass


@pytest.mark.timeout(30)
@pytest.mark.parametrize("file", [".lock", ".holder"])
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: path.symlink_to("elsewhere")])
def test_what_is_planted_instead_of_a_lock_is_one_sentence_or_nothing(
    tmp_path: Path, file: str, make: Callable[[Path], object]
) -> None:
    elsewhere = tmp_path / "prod" / "elsewhere"
    elsewhere.parent.mkdir()
    elsewhere.write_text("mine")
    make(elsewhere.parent / file)
    with suppress(SwarmnetError), DirectoryRepository(tmp_path).locked("prod"):
        pass
    assert elsewhere.read_text() == "mine"


def test_a_folder_instead_of_the_holder_stays_and_the_lock_is_free_again(tmp_path: Path) -> None:
    repository = DirectoryRepository(tmp_path)
    holder = tmp_path / "prod" / ".holder"
    with repository.locked("prod"):
        holder.unlink()
        holder.mkdir()
    assert holder.is_dir()
    holder.rmdir()
    with repository.locked("prod"):
        assert json.loads(holder.read_text())["pid"] == os.getpid()


def test_the_error_names_who_holds_the_lock(tmp_path: Path) -> None:
    repository = DirectoryRepository(tmp_path)
    with (
        repository.locked("prod"),
        pytest.raises(LockedError, match=rf"process {os.getpid()} on [A-Za-z0-9_.-]+ since 20\d\d-\d\d-\d\d "),
        repository.locked("prod"),
    ):
        pass


def _synced(work: Callable[[], object]) -> list[str]:
    """Return what the work had the kernel write to the disk, by path, as the interpreter saw it."""
    seen: list[str] = []

    def watch(frame: FrameType, event: str, function: object) -> None:
        if event == "c_call" and function is os.fsync:
            handles = [value for value in frame.f_locals.values() if isinstance(value, int) and value > 2]
            handles += [value.fileno() for value in frame.f_locals.values() if hasattr(value, "fileno")]
            links = [Path(f"/proc/self/fd/{handle}") for handle in handles]
            seen.extend(str(link.readlink()) for link in links if link.is_symlink())

    sys.setprofile(watch)
    try:
        work()
    finally:
        sys.setprofile(None)
    return seen


def test_the_name_of_a_new_folder_is_written_to_the_disk_above(tmp_path: Path) -> None:
    path = tmp_path / "new" / "backups"
    assert {str(tmp_path), str(tmp_path / "new")} <= set(_synced(lambda: make_folder(path)))
    assert _synced(lambda: make_folder(path)) == []


def test_the_first_backup_of_a_cluster_is_there_after_a_power_cut(tmp_path: Path) -> None:
    repository = DirectoryRepository(tmp_path / "backups")
    synced = _synced(lambda: repository.write(a_document(), b"sealed", check=lambda _blob: None))
    folders = [str(tmp_path), str(repository.root), str(repository.root / "prod")]
    assert set(folders) <= set(synced)
    assert any(path.endswith(".partial") for path in synced)
