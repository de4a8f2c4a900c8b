"""The inventory file of a lab: what makes the lab's hosts ordinary SSH hosts to all other commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab.state import LabRecord

KEY_FILE = "id_ed25519"
KNOWN_HOSTS_FILE = "known_hosts"


def _marker(record: LabRecord) -> str:
    return f"# Made by `swarmnet lab up --name {record.name}` ({record.id}); `swarmnet lab down` removes it.\n"


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
    return _marker(record) + yaml.safe_dump(document, sort_keys=False)


def is_ours(path: Path, record: LabRecord) -> bool:
    """Tell whether the file is the one written for this very lab, and so may be removed with it."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").startswith(_marker(record))
    except (FileNotFoundError, IsADirectoryError):
        return False
