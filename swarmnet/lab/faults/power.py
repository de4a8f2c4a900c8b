"""Power: a plug that is pulled, and a reboot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.lab.faults.engine import RUNNING, stop_engine
from swarmnet.lab.faults.family import Family

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import Fault


class PowerCut(Family):
    """The host stops at once; healed, it boots from the same disk as the same host."""

    kind = "kill"
    told = "power off"
    silences = frozenset({"host"})
    break_causes = frozenset({"boot"})

    def describe(self, fault: Fault) -> str:
        """Say that it is off."""
        del fault
        return "powered off"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Pull the plug."""
        del fault
        place.kind.power_off(place.host)

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Switch the host on, where it is off."""
        del fault
        if not place.kind.powered(place.host):
            place.kind.power_on(place.host)


class Reboot(Family):
    """The engine is told to stop, disks are written, the host starts again; nothing is left to heal."""

    kind = "reboot"
    told = "stop the engine, write the disks, start anew; over when the host answers again"
    break_causes = frozenset({"boot"})
    lasting = False

    def describe(self, fault: Fault) -> str:
        """Say what was done."""
        del fault
        return "rebooted"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Go down in good order and come up again."""
        del fault
        if place.holds(RUNNING):
            stop_engine(place)
        place.does("sync", doing="write its disks")
        place.kind.power_off(place.host)
        place.kind.power_on(place.host)

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Do nothing: a reboot is over."""
