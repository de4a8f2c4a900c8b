"""The host's clock: ahead of all others, or behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import Fault, LabRecord

_SET = 'date --set "@$1"'
_MOST = 10 * 365 * 86400
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


class SkewedClock(Family):
    """The host's clock differs from the machine's by a fixed time, to about a tenth of a second.

    Only a kernel of its own has a clock of its own: time namespaces do not cover the time of day. A boot reads the
    machine's clock again, as a host with a good battery does.
    """

    kind = "clock"
    told = "set the clock --by a time ahead, or behind with a minus (hosts with a kernel of their own)"
    takes = frozenset({"skew_s"})
    ends_with = frozenset({"boot"})

    def check(self, fault: Fault, record: LabRecord) -> None:
        """Refuse no skew at all, more than ten years, and hosts that share the machine's clock."""
        if not fault.skew_s or abs(fault.skew_s) > _MOST:
            raise UsageError(
                "`clock` needs --by TIME, of at most ten years",
                hint="for example: break m1 clock --by 90s, or --by=-2h",
            )
        if record.host(fault.host).kernel == "shared":
            raise UsageError(
                f"{fault.host} has the machine's clock: no namespace of Linux covers the time of day",
                hint="bring the lab up with `--kernel own`, or mixed: `--kernel own,shared,shared`",
            )

    def describe(self, fault: Fault) -> str:
        """Say by how much, in the largest unit that it is a whole number of."""
        seconds = abs(fault.skew_s or 0)
        unit, size = next((u for u in _UNITS if seconds % u[1] == 0), _UNITS[-1])
        return f"its clock is {seconds / size:g} {unit} {'ahead' if (fault.skew_s or 0) > 0 else 'behind'}"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Set the clock."""
        place.does(_SET, f"{time.time() + (fault.skew_s or 0):.3f}", doing="set its clock")

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Set the clock right."""
        del fault
        if place.host.kernel == "own":
            place.does(_SET, f"{time.time():.3f}", doing="set its clock right")
