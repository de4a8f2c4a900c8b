"""The host's cable: cut, or one that loses everything above some size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from swarmnet.lab.faults.family import Family
from swarmnet.lab.faults.options import BYTES, NoOptions, Option, Options

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import HostRecord, LabRecord

_LEAST_MTU, _MOST_MTU = 576, 1499
_ETHERNET_HEADER = 14
_WHOLE_PACKETS = "ethtool -K eth0 tso {0} gso {0} gro {0} || true"


class CutLink(Family[NoOptions]):
    """The cable is out of the switch; the host goes on."""

    kind = "link"
    summary = "pull the cable"
    options = NoOptions
    silences = frozenset({"ssh"})
    renewed = True

    def describe(self, options: NoOptions) -> str:
        """Say that it is cut."""
        del options
        return "link cut"

    def put(self, options: NoOptions, target: FaultTarget) -> None:
        """Pull the cable out."""
        del options
        target.kind.plug(target.host, into_switch=False)

    def take_back(self, options: NoOptions, target: FaultTarget) -> None:
        """Plug the cable in."""
        del options
        target.kind.plug(target.host, into_switch=True)

    def clear(self, options: NoOptions, target: FaultTarget) -> None:
        """Plug in a cable that outlives its host's power."""
        del options
        if target.host.kernel == "own":
            target.kind.plug(target.host, into_switch=True)


class NarrowOptions(Options):
    """What still passes."""

    mtu: Annotated[int, Option("bytes of the largest packet that passes", BYTES), Field(ge=_LEAST_MTU, le=_MOST_MTU)]


class NarrowLink(Family[NarrowOptions]):
    """The cable carries IP packets of at most ``mtu`` bytes; larger ones vanish in both directions, without an error.

    That is how a tunnel or a wrong switch port on the way looks: the host's own card still says 1500, so neither
    the engine nor its kernel knows. The switch decides by length, so packets must reach it in the size that they
    have on a wire: the host's card stops handing over many segments as one (``ethtool -K eth0 tso off gso off``),
    and what goes to the host is cut and measured by a queue on its port (``tbf``).

    Only this machine knows the size and keeps to it: to find out what is wrong with the host you must be able to log
    in there, and SSH's key exchange takes larger packets.
    """

    kind = "mtu"
    summary = "lose packets larger than --mtu on the host's link, both ways, without an error"
    example = "m1 mtu --mtu 1400"
    options = NarrowOptions
    renewed = True

    def describe(self, options: NarrowOptions) -> str:
        """Say what still passes."""
        return f"its link loses packets of more than {options.mtu} bytes"

    def put(self, options: NarrowOptions, target: FaultTarget) -> None:
        """Measure what goes to the host; what comes from it, the switch's rules measure."""
        target.does(_WHOLE_PACKETS.format("off"), doing="have its card send single packets")
        largest = f"{options.mtu + _ETHERNET_HEADER}b"
        queue = ["root", "tbf", "rate", "40gbit", "burst", largest, "limit", "10mb"]
        target.switch.tc(["qdisc", "replace", "dev", target.host.port, *queue])
        target.switch.fit_operator(target.record.leg, str(target.host.address), options.mtu)

    def take_back(self, options: NarrowOptions, target: FaultTarget) -> None:
        """Carry everything again."""
        self.clear(options, target)
        target.does(_WHOLE_PACKETS.format("on"), doing="set its card back")

    def clear(self, options: NarrowOptions, target: FaultTarget) -> None:
        """Remove the queue and the operator's route, where they are."""
        del options
        target.switch.fit_operator(target.record.leg, str(target.host.address), None)
        target.switch.tc(["qdisc", "delete", "dev", target.host.port, "root"], may_fail=True)

    def rules(self, options: NarrowOptions, host: HostRecord, record: LabRecord) -> list[str]:
        """Drop what is larger and comes from the host."""
        del record
        return [f"iifname {host.port} meta length > {options.mtu} counter drop"]
