"""Make room in the kernel's table of neighbours: all hosts that share the machine's kernel share its limits.

In a lab of N such hosts each learns all others, about N x N rows. When the table is full, the kernel answers "no
route to host" at random ("neighbor table overflow"): seen with 60 hosts, where engines lost their managers while they
joined. An engine raises the same limits for its overlays (libnetwork, moby#32195), but cannot from a namespace.
"""

from __future__ import annotations

import json
from pathlib import Path

from swarmnet.files import write_atomically

WANTED = {"gc_thresh1": 8192, "gc_thresh2": 49152, "gc_thresh3": 65536}
"""What an engine sets, from its first overlay network on."""
_FEW = 256
"""So many rows leave half of what kernels keep by default (``gc_thresh2`` 512) to the labs of others."""
_SETTINGS = Path("/proc/sys/net/ipv4/neigh/default")
_BEFORE = Path("/run/swarmnet-lab-neighbours.json")
"""The limits as they were; gone after a restart of the machine, as the raised limits are."""


def make_room(hosts: int, *, settings: Path = _SETTINGS, before: Path = _BEFORE) -> bool:
    """Raise the limits if so many hosts on this kernel may reach them, and return whether they were raised.

    A limit that is higher already stays. What was there is kept for :func:`give_back`.
    """
    found = {name: int((settings / name).read_text()) for name in WANTED}
    low = {name: value for name, value in found.items() if value < WANTED[name]}
    if hosts * (hosts + 1) <= _FEW or not low:
        return False
    if not before.exists():  # a run that ended early may have raised some of them already
        write_atomically(before, json.dumps(found).encode())
    for name in sorted(low, reverse=True):
        (settings / name).write_text(str(WANTED[name]))
    return True


def give_back(*, settings: Path = _SETTINGS, before: Path = _BEFORE) -> None:
    """Set the limits that :func:`make_room` raised as they were; does nothing where none was raised."""
    if not before.exists():
        return
    for name, value in sorted(json.loads(before.read_bytes()).items()):
        setting = settings / name
        if int(setting.read_text()) == WANTED[name]:  # else someone has set it since
            setting.write_text(str(value))
    before.unlink()
