"""What others could have put into the cache is never taken from it (L1)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.private_cache import cached

if TYPE_CHECKING:
    from pathlib import Path


def made() -> bytes:
    return b"made here"


def unexpected() -> bytes:
    raise AssertionError("it was made again")


def stored(folder: Path) -> Path:
    cached(folder, "thing", made)
    (path,) = folder.iterdir()
    return path


def test_what_was_made_once_is_taken_from_then_on(tmp_path: Path) -> None:
    stored(tmp_path / "cache")

    assert cached(tmp_path / "cache", "thing", unexpected) == b"made here"


def test_another_name_is_another_thing(tmp_path: Path) -> None:
    stored(tmp_path / "cache")

    assert cached(tmp_path / "cache", "other", lambda: b"other") == b"other"
    assert cached(tmp_path / "cache", "thin", lambda: b"thin") == b"thin"


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022])
def test_the_folder_and_its_files_are_the_users_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        path = stored(tmp_path / "cache")
    finally:
        os.umask(before)

    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


def change(path: Path) -> None:
    path.write_bytes(b"evil")


def cut(path: Path) -> None:
    path.write_bytes(b"made")


def open_to_others(path: Path) -> None:
    path.chmod(0o666)


def link(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def of_someone_else(path: Path) -> None:
    os.chown(path, 12345, 12345)


@pytest.mark.parametrize("plant", [change, cut, open_to_others, link, fifo, folder, of_someone_else])
def test_l1_a_planted_file_is_not_taken(tmp_path: Path, plant: object) -> None:
    assert callable(plant)
    plant(stored(tmp_path / "cache"))

    assert cached(tmp_path / "cache", "thing", lambda: b"made again") == b"made again"


@pytest.mark.parametrize("kind", ["of someone else", "link", "file", "read-only parent"])
def test_l1_a_folder_that_is_not_the_users_own_is_neither_read_nor_written(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "cache"
    match kind:
        case "of someone else":
            place.mkdir()
            os.chown(place, 12345, 12345)
        case "link":
            (tmp_path / "elsewhere").mkdir()
            place.symlink_to(tmp_path / "elsewhere")
        case "file":
            place.touch()
        case _:
            place = tmp_path / "file/cache"
            place.parent.touch()
    before = sorted(tmp_path.rglob("*"))

    assert cached(place, "thing", made) == b"made here"
    assert sorted(tmp_path.rglob("*")) == before
