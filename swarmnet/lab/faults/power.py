"""Power: a plug that is pulled, and a reboot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.lab.faults.engine import RUNNING, stop_engine
from swarmnet.lab.faults.family import Family
from swarmnet.lab.faults.options import NoOptions

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget


class PowerCut(Family[NoOptions]):
    """The host stops at once; healed, it boots from the same disk as the same host."""

    kind = "kill"
    summary = "power off"
    options = NoOptions
    silences = frozenset({"host"})
    break_causes = frozenset({"boot"})

    def describe(self, options: NoOptions) -> str:
        """Say that it is off."""
        del options
        return "powered off"

    def put(self, options: NoOptions, target: FaultTarget) -> None:
        """Pull the plug."""
        del options
        target.kind.power_off(target.host)

    def take_back(self, options: NoOptions, target: FaultTarget) -> None:
        """Switch the host on, where it is off."""
        del options
        if not target.kind.powered(target.host):
            target.kind.power_on(target.host)


class Reboot(Family[NoOptions]):
    """The engine stops, disks are written, the host starts again; nothing is left to heal."""

    kind = "reboot"
    summary = "stop the engine, write the disks, start again; over when the host answers again"
    break_causes = frozenset({"boot"})
    lasting = False
    options = NoOptions

    def describe(self, options: NoOptions) -> str:
        """Say what was done."""
        del options
        return "rebooted"

    def put(self, options: NoOptions, target: FaultTarget) -> None:
        """Go down in good order and come up again."""
        del options
        if target.holds(RUNNING):
            stop_engine(target)
        target.does("sync", doing="write its disks")
        target.kind.power_off(target.host)
        target.kind.power_on(target.host)

    def take_back(self, options: NoOptions, target: FaultTarget) -> None:
        """Do nothing: a reboot is over."""
