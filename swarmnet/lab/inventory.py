"""The inventory file of a lab, which makes its hosts ordinary SSH hosts for all other commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab.state import LabRecord

KEY_FILE = "id_ed25519"
KNOWN_HOSTS_FILE = "known_hosts"


_MADE_HERE = "# Made by `swarmnet lab up "


def _marker(record: LabRecord) -> str:
    """Return how the first line begins; what follows is advice, which older versions worded differently."""
    return f"{_MADE_HERE}--name {record.name}` ({record.id}); "


def render(record: LabRecord, directory: Path) -> str:
    """Return the inventory of a lab whose keys are in ``directory``."""
    document = {
        "schema": 1,
        "cluster": f"lab-{record.name}",
        "ssh": {
            "user": "root",
            "port": 22,
            "key": str(directory / KEY_FILE),
            "known_hosts": str(directory / KNOWN_HOSTS_FILE),
            "host_keys": "strict",
        },
        "hosts": {
            host.name: {"address": str(host.address), "role": host.role} for host in record.hosts if host.role != "none"
        },
    }
    advice = f"`swarmnet lab down --name {record.name}` removes it.\n"
    return _marker(record) + advice + yaml.safe_dump(document, sort_keys=False)


def require_free(path: Path) -> None:
    """Refuse to overwrite a file that no lab made.

    Raises:
        UsageError: There is such a file, or its directory does not exist.
    """
    if path.is_dir() or any(parent.is_file() for parent in path.parents):
        raise UsageError(f"{path} cannot be an inventory file: it is a directory, or a file is in its path")
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory {path.parent} for the inventory", hint=f"mkdir -p {path.parent}")
    if path.exists() and not _starts_with(path, _MADE_HERE):
        raise UsageError(f"{path} is not an inventory of a lab; it is left alone", hint="name another --inventory")


def is_ours(path: Path, record: LabRecord) -> bool:
    """Return whether the file was written for this lab, and so may be removed with it."""
    return _starts_with(path, _marker(record))


def _starts_with(path: Path, words: str) -> bool:
    """Return whether a regular file begins with the words; anything else (a device, a pipe) is never opened."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(len(words)) == words
