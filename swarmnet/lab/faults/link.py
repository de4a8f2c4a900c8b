"""The host's cable: cut, or one that loses everything above some size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import Fault, LabRecord

_LEAST_MTU, _MOST_MTU = 576, 1499
_ETHERNET_HEADER = 14
_WHOLE_PACKETS = "ethtool -K eth0 tso {0} gso {0} gro {0} || true"


class CutLink(Family):
    """The cable is out of the switch; the host goes on."""

    kind = "link"
    told = "pull the cable"
    silences = frozenset({"ssh"})
    renewed = True

    def describe(self, fault: Fault) -> str:
        """Say that it is cut."""
        del fault
        return "link cut"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Pull the cable out."""
        del fault
        place.kind.plug(place.host, into_switch=False)

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Plug the cable in."""
        del fault
        place.kind.plug(place.host, into_switch=True)

    def clear(self, fault: Fault, place: FaultTarget) -> None:
        """Plug in a cable that outlives its host's power."""
        del fault
        if place.host.kernel == "own":
            place.kind.plug(place.host, into_switch=True)


class NarrowLink(Family):
    """The cable carries IP packets of at most ``mtu`` bytes; larger ones vanish, both ways, and nobody is told.

    That is how a tunnel or a wrong switch port on the way looks: the host's own card still says 1500, so neither
    the engine nor its kernel knows. The switch decides by length, so packets must reach it in the size that they
    have on a wire: the host's card stops handing over many segments as one (``ethtool -K eth0 tso off gso off``),
    and what goes to the host is cut and measured by a queue on its port (``tbf``).

    Only this machine knows the size and keeps to it: whoever shall find out what is wrong with the host must be able
    to log in there, and SSH's exchange of keys takes larger packets.
    """

    kind = "mtu"
    told = "lose what is larger than --mtu on the host's link, both ways, unannounced"
    takes = frozenset({"mtu"})
    renewed = True

    def check(self, fault: Fault, record: LabRecord) -> None:
        """Refuse sizes that no link of 1500 bytes is lowered to."""
        del record
        if fault.mtu is None or not _LEAST_MTU <= fault.mtu <= _MOST_MTU:
            raise UsageError(
                f"`mtu` needs --mtu BYTES from {_LEAST_MTU} to {_MOST_MTU}", hint="for example: break m1 mtu --mtu 1400"
            )

    def describe(self, fault: Fault) -> str:
        """Say what still passes."""
        return f"its link loses packets of more than {fault.mtu} bytes"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Measure what goes to the host; what comes from it, the switch's rules measure."""
        place.does(_WHOLE_PACKETS.format("off"), doing="have its card send single packets")
        largest = f"{(fault.mtu or _MOST_MTU) + _ETHERNET_HEADER}b"
        queue = ["root", "tbf", "rate", "40gbit", "burst", largest, "limit", "10mb"]
        place.switch.tc(["qdisc", "replace", "dev", place.host.port, *queue])
        place.switch.fit_operator(place.record.leg, str(place.host.address), fault.mtu)

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Carry everything again."""
        self.clear(fault, place)
        place.does(_WHOLE_PACKETS.format("on"), doing="set its card back")

    def clear(self, fault: Fault, place: FaultTarget) -> None:
        """Remove the queue and the operator's route, where they are."""
        del fault
        place.switch.fit_operator(place.record.leg, str(place.host.address), None)
        place.switch.tc(["qdisc", "delete", "dev", place.host.port, "root"], may_fail=True)

    def rules(self, fault: Fault, record: LabRecord) -> list[str]:
        """Drop what is larger and comes from the host."""
        return [f"iifname {record.host(fault.host).port} meta length > {fault.mtu} counter drop"]
