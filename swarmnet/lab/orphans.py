"""Find labs that still run although their journal is gone, because someone removed the state directory by hand.

The journal is written before a lab's control groups are made and removed after them, so a process that outlives its
journal belongs to no known lab. The lab's own processes name their journal in their environment. Labs of other state
directories are left alone.
"""

from __future__ import annotations

import re
from pathlib import Path

from swarmnet.lab.machine.cgroups import LabGroups, hierarchies
from swarmnet.lab.machine.processes import ProcessIdentity
from swarmnet.lab.network import HOME_VARIABLE, Switch

_GROUP = re.compile(r"swarmnet-lab-([0-9a-f]{8})")


def take_down_lost(base: Path) -> list[str]:
    """Remove every lab of the state directory ``base`` whose journal is gone, and return their ids.

    Raises:
        LabError: Something of such a lab cannot be removed.
    """
    lost = sorted(lab for lab in running_labs() if _is_lost(lab, base))
    for lab in lost:
        groups = LabGroups(f"swarmnet-lab-{lab}")
        groups.kill()
        groups.remove()
        Switch.wait_gone(f"snl{lab}")
    return lost


def running_labs() -> set[str]:
    """Return the ids of all labs on this machine that have control groups, wherever their journals are."""
    names = (path.name for hierarchy in hierarchies() for path in hierarchy.mount.glob("swarmnet-lab-*"))
    return {match[1] for name in names if (match := _GROUP.fullmatch(name))}


def _is_lost(lab: str, base: Path) -> bool:
    """Return whether a process of the lab names a directory in ``base`` without a journal and still runs after that.

    The order matters: ``down`` kills the processes first and removes the journal last, so a lab that is being taken
    down right now is seen either with its journal or without this process.
    """
    for pid in LabGroups(f"swarmnet-lab-{lab}").processes():
        identity = ProcessIdentity.of(pid)
        home = _home(pid)
        if identity is not None and home is not None:
            gone = home.parent == base and not (home / "lab.json").exists()
            return gone and identity.alive()
    return False


def _home(pid: int) -> Path | None:
    """Return the directory of the lab that a process says it belongs to; None if it names none, or has ended."""
    prefix = f"{HOME_VARIABLE}=".encode()
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return next((Path(word.removeprefix(prefix).decode()) for word in words if word.startswith(prefix)), None)
