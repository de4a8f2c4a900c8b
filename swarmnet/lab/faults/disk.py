"""The disk of the host's engine: full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.lab.faults.family import Family

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import Place
    from swarmnet.lab.state import Fault

_BALLAST = "/var/lib/docker/.swarmnet-ballast"
# fallocate takes the room without writing it; dd takes what is left below the last whole block.
_FILL = (
    f'fallocate -l "$(df --output=avail -B1 /var/lib/docker | tail -n 1)" {_BALLAST}; '
    f"dd if=/dev/zero of={_BALLAST}.rest bs=4k 2>/dev/null; "
    "[ $(df --output=avail -B1 /var/lib/docker | tail -n 1) -lt 65536 ]"
)


class FullDisk(Family):
    """No byte is left on the disk of ``/var/lib/docker``; a power cut does not change that."""

    kind = "disk"
    told = "fill the engine's disk"

    def describe(self, fault: Fault) -> str:
        """Say that it is full."""
        del fault
        return "disk full"

    def put(self, fault: Fault, place: Place) -> None:
        """Take all the room that is left."""
        del fault
        place.does(_FILL, doing="fill the disk")

    def take_back(self, fault: Fault, place: Place) -> None:
        """Give the room back."""
        del fault
        place.does(f"rm -f {_BALLAST} {_BALLAST}.rest", doing="free the disk")
