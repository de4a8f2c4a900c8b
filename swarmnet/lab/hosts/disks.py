"""What survives a power cut of a host: its own files on top of the cached root, and a disk for its engine."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from typing import TYPE_CHECKING

from swarmnet.errors import LabError
from swarmnet.lab.machine.commands import run
from swarmnet.model.plural import count

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab.keys import KeyPair
    from swarmnet.lab.state import HostRecord

ACCOUNTS: dict[str, int] = {"operator": 2001, "dockeruser": 2002}
"""Users of every host besides root: one with sudo and without the docker group, one the other way round."""

_DAEMON = {
    "hosts": ["unix:///var/run/docker.sock"],
    "storage-driver": "overlay2",
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
}
_GIB = 1024**3
_NEEDED_PER_HOST = 300 * 1024**2


def write_files(upper: Path, host: HostRecord, *, operator: KeyPair, host_key: KeyPair) -> None:
    """Write the files that make a host itself: name, keys, machine id, engine settings."""
    etc = upper / "etc"
    texts = {
        etc / "hostname": f"{host.name}\n",
        etc / "hosts": f"127.0.0.1 localhost\n::1 localhost ip6-localhost\n{host.address} {host.name}\n",
        # Refuses at once. Without an answer, each look-up of a public registry would take 20 s.
        etc / "resolv.conf": "nameserver 127.0.0.1\n",
        etc / "machine-id": f"{secrets.token_hex(16)}\n",
        etc / "docker/daemon.json": json.dumps(_DAEMON, indent=1) + "\n",
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        path.write_text(text, encoding="utf-8")
    (etc / "ssh").mkdir()
    host_key.write(etc / "ssh/ssh_host_ed25519_key")
    (upper / "home").mkdir()
    _authorize(upper / "root", uid=0, operator=operator, mode=0o700)
    for account, uid in ACCOUNTS.items():
        _authorize(upper / "home" / account, uid=uid, operator=operator, mode=0o755)


def _authorize(home: Path, *, uid: int, operator: KeyPair, mode: int) -> None:
    """Allow the operator's key into one account; a directory here hides the root's, so owner and mode matter."""
    home.mkdir(mode=mode)
    (home / ".ssh").mkdir(mode=0o700)
    keys = home / ".ssh/authorized_keys"
    keys.write_text(operator.public + "\n", encoding="utf-8")
    keys.chmod(0o600)
    for path in (home, home / ".ssh", keys):
        os.chown(path, uid, uid)


def make_disk(path: Path, *, gib: int) -> None:
    """Make a sparse ext4 image: it takes only the room that the engine fills.

    A file system of its own lets a full disk be full for one host alone.
    """
    with path.open("wb") as file:
        file.truncate(gib * _GIB)
    options = "lazy_itable_init=1,lazy_journal_init=1,nodiscard"
    run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", options, str(path)])


def require_room(base: Path, *, hosts: int) -> None:
    """Refuse a lab that does not fit the disk.

    Raises:
        LabError: Less than 300 MiB a host are free.
    """
    base.mkdir(parents=True, exist_ok=True)
    free, needed = shutil.disk_usage(base).free, hosts * _NEEDED_PER_HOST
    if free < needed:
        raise LabError(
            f"{base} has {free // 1024**2} MiB free, {count(hosts, 'host needs', 'hosts need')}"
            f" {needed // 1024**2} MiB",
            hint="free some room, start fewer hosts, or point SWARMNET_LAB_STATE to another disk",
        )
