"""Traffic between two hosts, dropped in one direction by the lab's switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Field

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family
from swarmnet.lab.faults.options import HOST, NUMBER, Option, Options, choice

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import HostRecord, LabRecord

_PORT_MAX = 65535


Protocol = Literal["tcp", "udp", "esp", "icmp", "all"]


class BlockOptions(Options):
    """What of the traffic."""

    to: Annotated[str, Option("the host that no longer hears HOST", HOST, selects=True)]
    protocol: Annotated[
        Protocol,
        Option("what is dropped; default all", choice("PROTOCOL", *get_args(Protocol)), name="proto", selects=True),
    ] = "all"
    port: Annotated[
        int | None, Option("destination port of tcp or udp", NUMBER, selects=True), Field(ge=1, le=_PORT_MAX)
    ] = None


class Block(Family[BlockOptions]):
    """What the host sends to another host is dropped: all of it, one protocol, or one destination port."""

    kind = "block"
    summary = "drop what HOST sends to another host (--to, --proto, --port)"
    example = "m1 block --to w1 --proto udp --port 4789"
    options = BlockOptions

    def check(self, options: BlockOptions, host: HostRecord, record: LabRecord) -> None:
        """Refuse the host itself as the target, and a port of a protocol without ports."""
        if record.host(options.to).name == host.name:
            raise UsageError(f"{host.name} cannot be blocked from itself", hint=self.hint())
        if options.port is not None and options.protocol not in {"tcp", "udp"}:
            raise UsageError(
                f"--port {options.port} does not go with --proto {options.protocol}",
                hint="only tcp and udp have ports",
            )

    def describe(self, options: BlockOptions) -> str:
        """Say what no longer arrives where."""
        what = options.protocol if options.port is None else f"{options.protocol} port {options.port}"
        return f"{what} to {options.to} is blocked"

    def put(self, options: BlockOptions, target: FaultTarget) -> None:
        """Leave it to the switch's rules."""

    def take_back(self, options: BlockOptions, target: FaultTarget) -> None:
        """Leave it to the switch's rules."""

    def rules(self, options: BlockOptions, host: HostRecord, record: LabRecord) -> list[str]:
        """Drop by the two ports of the switch, and by protocol."""
        source, target = host.port, record.host(options.to).port
        match options.protocol:
            case "tcp" | "udp" if options.port is not None:
                what = f" {options.protocol} dport {options.port}"
            case "tcp" | "udp" | "icmp" | "esp":
                what = f" ip protocol {options.protocol}"
            case _:
                what = ""
        return [f"iifname {source} oifname {target}{what} counter drop"]
