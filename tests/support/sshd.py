"""A real sshd of its own for a test: own port on loopback, own host key, own folder."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.support.ports import free_port
from tests.support.waiting import LIMIT, await_from

if TYPE_CHECKING:
    from collections.abc import Iterator

SSHD = "/usr/sbin/sshd"


def make_key(path: Path, passphrase: bytes | None = None) -> Path:
    """Write a key pair as ssh-keygen does."""
    key = Ed25519PrivateKey.generate()
    lock = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, lock))
    path.chmod(0o600)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    Path(f"{path}.pub").write_bytes(public + b" test\n")
    return path


class Sshd:
    """One sshd; ``root`` logs in with the keys in ``authorized_keys``."""

    def __init__(self, folder: Path, *, port: int | None = None, options: tuple[str, ...] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = port or free_port()
        self.host_key = make_key(folder / "host_key")
        self.authorized = folder / "authorized_keys"
        self.log = folder / "log"
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.host_key}",
            f"AuthorizedKeysFile {self.authorized}",
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "PermitRootLogin prohibit-password",
            "MaxStartups 10:30:100",
            *options,
        ]
        (folder / "config").write_text("\n".join(lines) + "\n")

    def authorize(self, key: Path) -> None:
        with self.authorized.open("a") as file:
            file.write(Path(f"{key}.pub").read_text())

    @property
    def known(self) -> str:
        """The line that known_hosts would have."""
        kind, blob, *_ = Path(f"{self.host_key}.pub").read_text().split()
        return f"[127.0.0.1]:{self.port} {kind} {blob}\n"

    @contextmanager
    def running(self) -> Iterator[Sshd]:
        Path("/run/sshd").mkdir(exist_ok=True)
        with self.log.open("wb") as log:
            argv = [SSHD, "-D", "-e", "-f", str(self.folder / "config")]
            process = subprocess.Popen(argv, stderr=log, stdin=subprocess.DEVNULL)
        try:
            self._await(process)
            yield self
        finally:
            process.terminate()
            process.wait(LIMIT)

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        await_from(process, lambda: b"Server listening" in self.log.read_bytes())
