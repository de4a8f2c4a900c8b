"""Files are written whole or not at all, and one process at a time holds a lock."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import LockedError
from swarmnet.files import locked, write_atomically, write_new, write_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from swarmnet.files import locked
with locked(Path(sys.argv[1]), limit=0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_file_is_replaced_whole_private_and_without_leftovers(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "link", b"new", mode=0o644)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_write_that_fails_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "f", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("write", [write_atomically, write_once, write_new])
def test_a_new_file_has_its_mode_whatever_the_umask(tmp_path: Path, write: Callable[..., None]) -> None:
    before = os.umask(0o077)
    try:
        write(tmp_path / "f", b"new", mode=0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("write", [write_once, write_new])
@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_what_has_the_name_of_a_new_file_stays(tmp_path: Path, write: Callable[..., None], kind: str) -> None:
    place = tmp_path / "f"
    if kind == "file":
        place.write_bytes(b"old")
    else:
        place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write(place, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert place.is_symlink() or place.read_bytes() == b"old"


def test_a_new_file_in_an_open_folder_goes_there_also_when_its_name_leads_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    folder = os.open(tmp_path / "ours", os.O_RDONLY)
    try:
        (tmp_path / "ours").rename(tmp_path / "moved")
        (tmp_path / "ours").mkdir()
        write_new("f", b"new", folder=folder)
    finally:
        os.close(folder)
    assert (tmp_path / "moved/f").read_bytes() == b"new"
    assert list((tmp_path / "ours").iterdir()) == []


def test_a_lock_is_held_against_other_processes_until_its_holder_dies(tmp_path: Path) -> None:
    place = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match="someone"), locked(place, limit=0, busy=lambda: "someone"):
            pass
        other.kill()
    with locked(place, limit=5):
        assert place.stat().st_mode & 0o777 == 0o600


def test_a_lock_behind_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="lock"), locked(tmp_path / "lock", limit=0):
        pass
    assert not (tmp_path / "elsewhere").exists()
