"""The host's clock: ahead of all others, or behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family
from swarmnet.lab.faults.options import SIGNED_SECONDS, Option, Options

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import HostRecord, LabRecord

_SET = 'date --set "@$1"'
_MOST = 10 * 365 * 86400
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


class SkewOptions(Options):
    """How far off."""

    skew_s: Annotated[
        float,
        Option("such as 90s or 2h; behind: --by=-2h", SIGNED_SECONDS, name="by"),
        Field(ge=-_MOST, le=_MOST),
    ]


class SkewedClock(Family[SkewOptions]):
    """The host's clock differs from the machine's by a fixed time, to about a tenth of a second.

    Only a kernel of its own has a clock of its own: time namespaces do not cover the time of day. A boot reads the
    machine's clock again, as a host with a good battery does.
    """

    kind = "clock"
    summary = "set the clock --by a time ahead, or behind with a minus (hosts with a kernel of their own)"
    example = "m1 clock --by 90s"
    options = SkewOptions
    ends_with = frozenset({"boot"})

    def check(self, options: SkewOptions, host: HostRecord, record: LabRecord) -> None:
        """Refuse a skew of zero, and hosts that share the machine's clock."""
        del record
        if not options.skew_s:
            raise UsageError("--by 0 s changes nothing", hint=self.hint())
        if host.kernel == "shared":
            raise UsageError(
                f"{host.name} has the machine's clock: no namespace of Linux covers the time of day",
                hint="bring the lab up with `--kernel own`, or mixed: `--kernel own,shared,shared`",
            )

    def describe(self, options: SkewOptions) -> str:
        """Return by how much, in the largest unit that it is a whole number of."""
        seconds = abs(options.skew_s)
        unit, size = next((u for u in _UNITS if seconds % u[1] == 0), _UNITS[-1])
        return f"its clock is {seconds / size:g} {unit} {'ahead' if options.skew_s > 0 else 'behind'}"

    def put(self, options: SkewOptions, target: FaultTarget) -> None:
        """Set the clock."""
        target.does(_SET, f"{time.time() + options.skew_s:.3f}", doing="set its clock")

    def take_back(self, options: SkewOptions, target: FaultTarget) -> None:
        """Set the clock right."""
        del options
        if target.host.kernel == "own":
            target.does(_SET, f"{time.time():.3f}", doing="set its clock right")
