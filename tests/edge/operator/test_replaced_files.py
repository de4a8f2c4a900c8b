"""C1: whatever replaces a file leaves alone what is not a regular file of this user."""

from __future__ import annotations

import os
import socket
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import paramiko
import pytest

from swarmnet.edge.operator.private_cache import cached
from swarmnet.edge.operator.secret_files import LocalSecretFiles
from swarmnet.edge.ssh.known_hosts import KnownHosts, Trust
from swarmnet.errors import SwarmnetError
from swarmnet.files import write_atomically
from swarmnet.model.base import Secret
from swarmnet.model.hosts import HostKeyPolicy
from tests.support.sshd import make_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SOMEBODY = 12345


def _device(path: Path, _: Path) -> None:
    path.symlink_to("/dev/null")


def _pipe(path: Path, _: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path, _: Path) -> None:
    path.mkdir()


def _socket(path: Path, _: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))


def _link_to_pipe(path: Path, aside: Path) -> None:
    os.mkfifo(aside)
    path.symlink_to(aside)


def _file_of_someone(path: Path, aside: Path) -> None:
    """A file of another user; who cannot give files away takes one of root's."""
    aside.write_text("theirs\n")
    if os.geteuid() == 0:
        os.chown(aside, SOMEBODY, SOMEBODY)
        aside.rename(path)
    else:
        path.symlink_to("/etc/passwd")


def _link_of_someone(path: Path, aside: Path) -> None:
    aside.write_text("mine\n")
    path.symlink_to(aside)
    if os.geteuid() == 0:
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    else:
        path.unlink()
        path.symlink_to("/etc/passwd")


TARGETS = (_device, _pipe, _folder, _socket, _link_to_pipe, _file_of_someone, _link_of_someone)


def _plainly(path: Path) -> None:
    write_atomically(path, b"new\n")


def _as_known_host(path: Path) -> None:
    key = paramiko.PKey.from_path(make_key(path.with_name("host_key")))
    KnownHosts().verify("h", key, Trust("h", None, (path,), policy=HostKeyPolicy.ACCEPT_NEW))


def _as_secret(path: Path) -> None:
    LocalSecretFiles().write(str(path), Secret("new"))


def _as_cache(path: Path) -> None:
    cached(path.parent, path.name, lambda: b"new\n")


WRITERS = (_plainly, _as_known_host, _as_secret, _as_cache)


def state(path: Path) -> tuple[object, ...]:
    found: list[object] = []
    for one in (path, path.resolve()):
        status = one.lstat()
        content = one.read_bytes() if one.is_file() and not one.is_symlink() else b""
        found.append((status.st_mode, status.st_ino, status.st_uid, content))
    return tuple(found)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "target"
    for path in tmp_path.iterdir():
        if not path.is_dir():
            path.unlink()


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("make", TARGETS)
def test_what_is_not_ours_is_not_replaced(
    place: Path, make: Callable[[Path, Path], None], write: Callable[[Path], None]
) -> None:
    make(place, place.with_name("aside"))
    before = state(place)
    # known_hosts is added to, also behind a link, as ssh does; another user's is read only.
    with suppress(OSError, SwarmnetError):
        write(place)
    if write is _as_known_host and make is _link_of_someone and os.geteuid() == 0:
        assert state(place)[0] == before[0]
    else:
        assert state(place) == before
    assert not [path.name for path in place.parent.iterdir() if path.name.startswith(".target.")]


@pytest.mark.parametrize("make", [_pipe, _socket, _file_of_someone, _link_of_someone, _device])
def test_a_replacement_that_is_refused_says_why(place: Path, make: Callable[[Path, Path], None]) -> None:
    make(place, place.with_name("aside"))
    with pytest.raises(OSError, match=r"not replaced|not followed"):
        write_atomically(place, b"new")


@pytest.mark.parametrize("write", [_plainly, _as_known_host])
def test_a_file_and_a_link_of_our_own_are_written(place: Path, write: Callable[[Path], None]) -> None:
    aside = place.with_name("aside")
    aside.write_bytes(b"")
    place.symlink_to(aside)
    write(place)
    assert place.is_symlink()
    assert aside.read_bytes()
