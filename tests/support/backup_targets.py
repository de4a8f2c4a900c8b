"""One target of each kind, on real servers: the table that the conformance tests run over."""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from swarmnet.edge.targets.directory import DirectoryTarget
from swarmnet.edge.targets.location import S3Location, SftpLocation
from swarmnet.edge.targets.s3 import S3Target
from swarmnet.edge.targets.sftp import SftpTarget
from tests.support.s3_server import BUCKET, S3Server
from tests.support.sshd import Sshd, make_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pytest

    from swarmnet.model.targets import BackupTarget


def put(target: BackupTarget, name: str, content: bytes, *, replace: bool = False) -> None:
    """Put a small file there."""
    target.put(name, BytesIO(content), replace=replace)


def fetched(target: BackupTarget, name: str) -> bytes:
    """Return all of a file that is there."""
    whole = BytesIO()
    target.fetch(name, whole.write)
    return whole.getvalue()


class Place:
    """A target, and the folder of its server in which the files really are."""

    def __init__(self, target: BackupTarget, folder: Path, url: str) -> None:
        self.target = target
        self.folder = folder
        self.url = url

    def names(self) -> list[str]:
        """Return all files that are really there, temporary ones included."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


@contextmanager
def directory(folder: Path, _patch: pytest.MonkeyPatch) -> Iterator[Place]:
    place = folder / "stick"
    yield Place(DirectoryTarget(place), place, str(place))


@contextmanager
def sftp(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Place]:
    home = folder / "home"
    (home / ".ssh").mkdir(parents=True)
    key = make_key(home / ".ssh/id_ed25519")
    server = Sshd(folder / "sshd", options=("Subsystem sftp internal-sftp",))
    server.authorize(key)
    (home / ".ssh/known_hosts").write_text(server.known)
    patch.setenv("HOME", str(home))
    patch.delenv("SSH_AUTH_SOCK", raising=False)
    location = SftpLocation("127.0.0.1", str(folder / "far/backups"), "root", server.port)
    with server.running():
        target = SftpTarget(location)
        yield Place(target, folder / "far/backups", str(location))
        target.close()


@contextmanager
def s3(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Place]:
    server = S3Server(folder / "s3")
    for name, value in server.environment().items():
        patch.setenv(name, value)
    with server.running():
        location = S3Location(BUCKET, "swarm/prod")
        yield Place(S3Target(location), server.bucket / "swarm/prod", str(location))


KINDS: dict[str, Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[Place]]] = {
    "directory": directory,
    "sftp": sftp,
    "s3": s3,
}
