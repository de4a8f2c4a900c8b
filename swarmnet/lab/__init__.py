"""The lab: several real Docker hosts on one Linux machine, made of nothing but what Linux has.

Layout, from the outside in:

- :mod:`~swarmnet.lab.lab` is the story: claim a name and a subnet, start hosts, wait, take all of it away.
- :mod:`~swarmnet.lab.state` is the journal; it is written before anything is made.
- :mod:`~swarmnet.lab.hosts.kinds` says what any host can do; :mod:`~swarmnet.lab.hosts.shared_kernel` is the kind made
  of namespaces, :mod:`~swarmnet.lab.hosts.own_kernel` the kind that is a User-Mode Linux process.
- :mod:`~swarmnet.lab.network` is the switch; :mod:`~swarmnet.lab.faults` breaks and heals.
- :mod:`~swarmnet.lab.roots.cache` builds the root file systems; :mod:`~swarmnet.lab.machine.cgroups`
  finds every process again.

Design decision: nothing of a lab is held by a mount or a named namespace of the machine. Namespaces and mounts
live in the lab's processes, processes live in the lab's control groups, and those carry the lab's id. So
cleaning up is: kill the group, remove the group, remove the files.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmnet.lab.lab import Lab, down_all, down_by_name
    from swarmnet.lab.spec import LabSpec
    from swarmnet.lab.state import Fault, HostRecord, LabStore
    from swarmnet.lab.status import HostStatus, LabStatus

__all__ = ["Fault", "HostRecord", "HostStatus", "Lab", "LabSpec", "LabStatus", "LabStore", "down_all", "down_by_name"]

_HOMES = {
    "lab": ("Lab", "down_all", "down_by_name"),
    "spec": ("LabSpec",),
    "state": ("Fault", "HostRecord", "LabStore"),
    "status": ("HostStatus", "LabStatus"),
}


def __getattr__(name: str) -> object:
    """Load a name at its first use: the help of ``lab`` commands imports this package and needs none of them."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"swarmnet.lab.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
