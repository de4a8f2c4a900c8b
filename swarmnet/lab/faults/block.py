"""Traffic between two hosts, dropped in one direction by the lab's switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import Fault, LabRecord

_PORT_MAX = 65535


class Block(Family):
    """What the host sends to another host is dropped: all of it, one protocol, or one destination port."""

    kind = "block"
    told = "drop what HOST sends to another host (--to, --proto, --port)"
    takes = frozenset({"to", "protocol", "port"})
    key = takes

    def check(self, fault: Fault, record: LabRecord) -> None:
        """Refuse a block without a target or protocol, of oneself, or of a port that its protocol has not."""
        if fault.to is None or fault.protocol is None:
            raise UsageError(
                "`block` needs --to HOST", hint="for example: break m1 block --to w1 --proto udp --port 4789"
            )
        if record.host(fault.to).name == fault.host:
            raise UsageError(f"{fault.host} cannot be blocked from itself")
        if fault.port is not None and (fault.protocol not in {"tcp", "udp"} or not 0 < fault.port <= _PORT_MAX):
            raise UsageError(
                f"--port {fault.port} does not go with --proto {fault.protocol}",
                hint=f"ports are those of tcp and udp, from 1 to {_PORT_MAX}",
            )

    def describe(self, fault: Fault) -> str:
        """Say what no longer arrives where."""
        what = fault.protocol if fault.port is None else f"{fault.protocol} port {fault.port}"
        return f"{what} to {fault.to} is blocked"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Leave it to the switch's rules."""

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Leave it to the switch's rules."""

    def rules(self, fault: Fault, record: LabRecord) -> list[str]:
        """Drop by the two ports of the switch, and by protocol."""
        source, target = record.host(fault.host).port, record.host(fault.to or "").port
        match fault.protocol:
            case "tcp" | "udp" if fault.port is not None:
                what = f" {fault.protocol} dport {fault.port}"
            case "tcp" | "udp" | "icmp" | "esp":
                what = f" ip protocol {fault.protocol}"
            case _:
                what = ""
        return [f"iifname {source} oifname {target}{what} counter drop"]
