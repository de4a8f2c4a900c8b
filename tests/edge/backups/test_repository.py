from __future__ import annotations

import multiprocessing
import os
import subprocess
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.edge.backups.repository import DirectoryRepository, file_name, slug
from swarmnet.errors import BackupNotFoundError, DamagedError, LockedError, SwarmnetError, UsageError
from tests.support.backups import CREATED, a_document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from swarmnet.model.backup import BackupDocument

BLOB = b"sealed" * 1000


def _accept(_blob: bytes) -> None:
    """Find nothing wrong."""


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _taken(days: int, *, cluster: str = "prod", backup_id: str | None = None) -> BackupDocument:
    update = {"created": CREATED + timedelta(days=days), "cluster": cluster, "id": backup_id or f"{days:032x}"}
    return a_document().model_copy(update=update)


def _taken_name(days: int) -> str:
    return file_name(_taken(days)).removesuffix(".swarmnet")


@pytest.fixture
def repository(tmp_path: Path) -> DirectoryRepository:
    return DirectoryRepository(tmp_path / "backups")


def test_a_written_backup_is_read_back_private_and_alone(repository: DirectoryRepository) -> None:
    path = repository.write(_taken(0), BLOB, check=_accept)
    assert path.name == "20260131T040506.123456Z-00000000.swarmnet"
    assert path.stat().st_mode & 0o777 == 0o400
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert _names(path.parent) == [path.name]
    (entry,) = repository.entries()
    assert repository.read(entry) == BLOB


def test_without_a_repository_there_are_no_backups(repository: DirectoryRepository) -> None:
    with pytest.raises(BackupNotFoundError, match="no repository"):
        repository.entries()


@given(st.text(max_size=80))
def test_any_cluster_name_gives_one_plain_folder_name(cluster: str) -> None:
    name = slug(cluster)
    assert name
    assert "/" not in name
    assert not name.startswith(".")
    assert name.isascii()
    assert len(name.encode()) < 128


def test_different_clusters_never_share_a_folder() -> None:
    hostile = ["prod", "Prod", "prod/", "../prod", "pro d", "pro\nd", "", ".", "..", "\u202eprod"]
    assert len({slug(name) for name in hostile}) == len(hostile)


def test_all_backups_are_listed_while_another_is_being_written(repository: DirectoryRepository) -> None:
    kept = {repository.write(_taken(days), BLOB, check=_accept) for days in range(20)}
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            repository.write(_taken(99), BLOB, check=_accept).unlink()

    writer = threading.Thread(target=come_and_go)
    writer.start()
    try:
        seen = [{entry.path for entry in repository.entries()} for _ in range(200)]
    finally:
        over.set()
        writer.join()
    assert all(paths >= kept for paths in seen)


def test_a_folder_that_is_a_link_is_neither_written_nor_listed(repository: DirectoryRepository, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    repository.root.mkdir()
    (repository.root / "prod").symlink_to(elsewhere)
    with pytest.raises(UsageError, match="symbolic link"):
        repository.write(_taken(0), BLOB, check=_accept)
    (elsewhere / file_name(_taken(0))).write_bytes(BLOB)
    (entry,) = repository.entries()
    assert "symbolic link" in str(entry.problem)
    assert _names(elsewhere) == [file_name(_taken(0))]


def test_links_and_fifos_are_reported_and_leftovers_and_strangers_are_not_backups(
    repository: DirectoryRepository,
) -> None:
    path = repository.write(_taken(0), BLOB, check=_accept)
    folder = path.parent
    (folder / file_name(_taken(1))).symlink_to("/etc/passwd")
    os.mkfifo(folder / file_name(_taken(2)))
    (folder / ".0123.partial").write_bytes(b"half")
    (folder / "notes.txt").write_text("mine")
    (repository.root / "stray").write_text("a file among the folders")
    (repository.root / "lost+found").mkdir()
    good, *others = repository.entries()
    assert (good.path, good.problem) == (path, None)
    assert [(entry.name, str(entry.problem)) for entry in others] == [
        (_taken_name(1), "not a regular file"),
        (_taken_name(2), "not a regular file"),
    ]


def test_a_backup_that_fails_its_check_is_not_published(repository: DirectoryRepository) -> None:
    def refuse(_blob: bytes) -> None:
        raise DamagedError("does not open")

    with pytest.raises(DamagedError):
        repository.write(_taken(0), BLOB, check=refuse)
    assert _names(repository.root / "prod") == []


def test_a_second_run_learns_who_holds_the_lock_and_a_dead_one_holds_nothing(repository: DirectoryRepository) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_try_lock, args=(repository,))
    with repository.locked("prod"):
        process.start()
        process.join(30)
    assert process.exitcode == 11
    with repository.locked("prod"), repository.locked("other"):
        pass


def _try_lock(repository: DirectoryRepository) -> None:
    try:
        with repository.locked("prod"):
            os._exit(0)
    except LockedError as error:
        os._exit(error.exit_code if f"process {os.getppid()} " in error.message else 1)


@pytest.mark.lab
def test_a_full_disk_leaves_the_older_backups_and_nothing_else(full_disk: Path) -> None:
    repository = DirectoryRepository(full_disk)
    path = repository.write(_taken(0), BLOB, check=_accept)
    with pytest.raises(SwarmnetError, match="No space left") as caught:
        repository.write(_taken(1), bytes(2 * 1024 * 1024), check=_accept)
    assert caught.value.exit_code == 1
    assert "untouched" in str(caught.value.hint)
    assert [entry.path for entry in repository.entries()] == [path]
    assert _names(path.parent) == [path.name]
    assert repository.read(repository.entries()[0]) == BLOB


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of one mebibyte."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["/bin/umount", str(place)], check=True)


def test_a_place_that_takes_no_backups_is_reported_before_anything_is_read(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with (
        pytest.raises(SwarmnetError, match="there is a file where a directory is wanted") as caught,
        DirectoryRepository(in_the_way / "backups").locked("prod"),
    ):
        raise AssertionError("this must not run")
    assert caught.value.hint == "move it away, or use --repository; older backups are untouched"


def test_a_backup_that_was_never_written_leaves_no_folder(tmp_path: Path) -> None:
    place = tmp_path / "backups"
    with pytest.raises(RuntimeError), DirectoryRepository(place).locked("prod"):
        raise RuntimeError
    assert not place.exists()


def test_folders_that_were_there_before_stay(tmp_path: Path) -> None:
    place = tmp_path / "backups"
    place.mkdir()
    with DirectoryRepository(place).locked("prod"):
        pass
    assert [*place.iterdir()] == []
