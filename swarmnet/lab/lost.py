"""Labs that run although their journal is gone: somebody removed the state directory by hand.

The journal is written before a lab's control groups are made and removed after them, so a group that
outlives its journal is nobody's. Which journal it would be, the lab's own processes say in their environment.
"""

from __future__ import annotations

import re
from pathlib import Path

from swarmnet.lab.cgroups import LabGroups, hierarchies
from swarmnet.lab.network import HOME_VARIABLE, Switch

_GROUP = re.compile(r"swarmnet-lab-([0-9a-f]{8})")


def take_down_lost() -> list[str]:
    """Take away every lab whose journal is gone, and return their ids.

    Raises:
        LabError: Something of such a lab would not go away.
    """
    lost = sorted(lab for lab in _running() if _journal_is_gone(lab))
    for lab in lost:
        groups = LabGroups(f"swarmnet-lab-{lab}")
        groups.kill()
        groups.remove()
        Switch.wait_gone(f"snl{lab}")
    return lost


def _running() -> set[str]:
    names = (path.name for hierarchy in hierarchies() for path in hierarchy.mount.glob("swarmnet-lab-*"))
    return {match[1] for name in names if (match := _GROUP.fullmatch(name))}


def _journal_is_gone(lab: str) -> bool:
    """Tell whether a process of the lab names its directory, and no journal is there."""
    prefix = f"{HOME_VARIABLE}=".encode()
    for pid in LabGroups(f"swarmnet-lab-{lab}").processes():
        try:
            words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            # It ended meanwhile.
            continue
        for word in words:
            if word.startswith(prefix):
                return not Path(word.removeprefix(prefix).decode(), "lab.json").exists()
    return False
