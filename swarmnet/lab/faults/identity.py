"""A cloned machine: two hosts with one machine-id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import Fault, LabRecord

# `.own` is also known to the scripts that wipe a host.
_TAKE = 'set -e; cd /etc; [ -e machine-id.own ] || cp machine-id machine-id.own; printf "%s\\n" "$1" > machine-id; sync'
_GIVE_BACK = "cd /etc; [ ! -e machine-id.own ] || { mv machine-id.own machine-id && sync; }"


class ClonedIdentity(Family):
    """``/etc/machine-id`` is that of another host, as on a virtual machine that was cloned; it outlives boots."""

    kind = "machine-id"
    told = "give HOST the machine-id of another host (--like)"
    takes = frozenset({"like"})

    def check(self, fault: Fault, record: LabRecord) -> None:
        """Refuse a fault without another host."""
        example = "for example: break m2 machine-id --like m1"
        if fault.like is None:
            raise UsageError("`machine-id` needs --like HOST", hint=example)
        if record.host(fault.like).name == fault.host:
            raise UsageError(f"{fault.host} has its own machine-id already", hint=example)

    def describe(self, fault: Fault) -> str:
        """Say whose it is."""
        return f"its machine-id is that of {fault.like}"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Write the other's id, and keep the own one beside it."""
        other = place.files_of(place.record.host(fault.like or "")) / "etc/machine-id"
        place.does(_TAKE, other.read_text(encoding="ascii").strip(), doing=f"take the machine-id of {fault.like}")

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Give the host its own id back."""
        del fault
        place.does(_GIVE_BACK, doing="take its own machine-id back")
