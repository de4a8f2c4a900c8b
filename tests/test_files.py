"""Files are written whole or not at all, and one process at a time holds a lock."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import swarmnet
from swarmnet.errors import ExitCode, LockedError, UnwrittenError
from swarmnet.files import locked, write_atomically, write_new, write_once, write_report

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_a_report_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "metrics.prom"
    write_report(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_report(path, b"longer than eight bytes")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_keeps_the_mode_of_the_file_and_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    path, pipe = tmp_path / "r", tmp_path / "p"
    path.write_text("old")
    path.chmod(0o640)
    write_report(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_report(pipe, b"new")
    assert os.read(end, 9) == b"new"
    os.close(end)
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("number", "code", "hint"),
    [
        (errno.ENOSPC, ExitCode.FAILED, "free some space there, then run the command again"),
        (errno.EDQUOT, ExitCode.FAILED, "free some space there, then run the command again"),
        (errno.EIO, ExitCode.FAILED, "name another"),
        (errno.EACCES, ExitCode.USAGE, "name another"),
        (errno.ENOENT, ExitCode.USAGE, "name another"),
    ],
)
def test_a_full_disk_is_not_called_a_wrong_command_line(number: int, code: int, hint: str) -> None:
    error = UnwrittenError("f", OSError(number, os.strerror(number)), hint="name another")
    assert (error.exit_code, error.hint) == (code, hint)


def test_no_error_says_by_itself_that_a_file_of_this_machine_cannot_be_written() -> None:
    """Each goes through ``UnwrittenError``, or is not about the command line."""
    root = Path(swarmnet.__file__).parent
    found = [path for path in root.rglob("*.py") if 'UsageError(f"cannot write {' in path.read_text()]
    assert found == []


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
