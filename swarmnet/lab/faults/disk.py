"""The disk of the host's engine: full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.lab.faults.engine import ON_PURPOSE, revive_engine
from swarmnet.lab.faults.family import Family
from swarmnet.lab.faults.options import NoOptions

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget

_BALLAST = "/var/lib/docker/.swarmnet-ballast"
# fallocate takes the room without writing it; dd takes what is left below the last whole block. Until it is on the
# disk, a power cut would give the room back.
_FILL = (
    f'fallocate -l "$(df --output=avail -B1 /var/lib/docker | tail -n 1)" {_BALLAST}; '
    f"dd if=/dev/zero of={_BALLAST}.rest bs=4k 2>/dev/null; sync -f {_BALLAST}; "
    "[ $(df --output=avail -B1 /var/lib/docker | tail -n 1) -lt 65536 ]"
)


class FullDisk(Family[NoOptions]):
    """No byte is left on the disk of ``/var/lib/docker``; a power cut does not change that.

    An engine that runs goes on; one that starts, as after a boot, mostly ends at once (26.1: "Unable to get the
    TempDir", or "driver not supported: overlay2"), but may find a block that the one before it gave back.
    """

    kind = "disk"
    summary = "fill the engine's disk"
    options = NoOptions
    silences = frozenset({"engine"})

    def describe(self, options: NoOptions) -> str:
        """Say that it is full."""
        del options
        return "disk full"

    def put(self, options: NoOptions, target: FaultTarget) -> None:
        """Take all the room that is left."""
        del options
        target.does(_FILL, doing="fill the disk")

    def take_back(self, options: NoOptions, target: FaultTarget) -> None:
        """Give the room back, and start the engine where the lack of it ended it."""
        del options
        target.does(f"rm -f {_BALLAST} {_BALLAST}.rest", doing="free the disk")
        if not any(other.host == target.host.name and other.kind in ON_PURPOSE for other in target.record.faults):
            revive_engine(target)
