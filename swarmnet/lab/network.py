"""The lab's switch: one network namespace with a bridge, a port per host and a leg to the operator's side.

One sleeping process in the lab's control group holds the namespace. There is no mount under ``/run/netns`` and no
interface that could stay: when that process dies, the bridge, all ports and the operator's leg die with it.

No packet of the lab leaves the machine: hosts get no default route, the leg does not forward (a host that
adds a route by hand gets nowhere), and the bridge has no uplink.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import LabError
from swarmnet.lab.machine.commands import attempt, detach, run
from swarmnet.lab.machine.processes import ProcessIdentity
from swarmnet.lab.machine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from swarmnet.lab.machine.cgroups import LabGroups
    from swarmnet.lab.state import LabRecord

MEMBER = "switch"
BRIDGE = "br0"
_SECOND_BRIDGE = "br1"
HOME_VARIABLE = "SWARMNET_LAB_HOME"
"""In the environment of the switch's process: the directory with the lab's journal."""
_RECORD_AND_SLEEP = (
    'IFS= read -r stat < /proc/self/stat; printf "%s\\n" "$stat" > "$1.new" && mv "$1.new" "$1" && exec sleep infinity'
)
_TCP_HEADERS = 40
"""Bytes of IPv4 and TCP around a segment."""


@dataclass(frozen=True, slots=True)
class Switch:
    """The bridge that a lab's hosts are plugged into."""

    directory: Path
    groups: LabGroups

    @property
    def _stat(self) -> Path:
        return self.directory / "switch.stat"

    def keeper(self) -> ProcessIdentity:
        """Return the process that holds the namespace.

        Raises:
            LabError: It does not run.
        """
        identity = ProcessIdentity.recorded_in(self._stat)
        if identity is None or not identity.alive():
            raise LabError("the lab's switch does not run", hint="run `swarmnet lab down`, then `lab up` again")
        return identity

    def running(self) -> bool:
        """Return whether the switch runs."""
        identity = ProcessIdentity.recorded_in(self._stat)
        return identity is not None and identity.alive()

    @property
    def namespace(self) -> str:
        """Return the path of the network namespace."""
        return f"/proc/{self.keeper().pid}/ns/net"

    def start(self, record: LabRecord) -> None:
        """Make the namespace, the bridge and the operator's leg."""
        self.groups.create(MEMBER)
        argv = ["unshare", "--net", "--", "/bin/sh", "-c", _RECORD_AND_SLEEP, "switch", str(self._stat)]
        detach(
            lambda a: self.groups.joining(MEMBER, a),
            argv,
            log=self.directory / "switch.log",
            env={HOME_VARIABLE: str(self.directory)},
        )
        until(self.running, limit=60, failing=lambda: "the lab's switch did not start")
        self._wire(record)

    def _wire(self, record: LabRecord) -> None:
        keeper = self.keeper().pid
        inside = [
            "link set lo up",
            f"link add {BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
            f"link set {BRIDGE} up",
        ]
        self.ip_batch(inside)
        outside = [
            f"link add {record.leg} type veth peer name operator netns {keeper}",
            f"address add {record.operator_address}/{record.subnet.prefixlen} dev {record.leg}",
        ]
        run(["ip", "-batch", "-"], stdin="\n".join(outside))
        _forbid_forwarding(record.leg)
        self.ip_batch([f"link set operator master {BRIDGE}", "link set operator up"])
        run(["ip", "link", "set", record.leg, "up"])

    def ip_batch(self, lines: Iterable[str]) -> None:
        """Run ``ip`` commands inside the switch."""
        run(["nsenter", f"--net={self.namespace}", "ip", "-batch", "-"], stdin="\n".join(lines))

    def set_port(self, port: str, *, up: bool) -> None:
        """Plug a host's cable in or out; the host sees its carrier come or go."""
        self.ip_batch([f"link set {port} {'up' if up else 'down'}"])

    def tc(self, argv: Sequence[str], *, may_fail: bool = False) -> None:
        """Set the queue of a port inside the switch; ``may_fail``: there may be nothing to remove."""
        how = attempt if may_fail else run
        how(["nsenter", f"--net={self.namespace}", "tc", *argv])

    def apply_rules(self, rules: Sequence[str]) -> None:
        """Make the bridge obey exactly these rules of nftables about what it forwards, in one step."""
        lines = ["table bridge swarmnet", "delete table bridge swarmnet"]
        if rules:
            body = "\n".join(f"    {rule}" for rule in rules)
            chain = f"  chain forward {{\n    type filter hook forward priority 0;\n{body}\n  }}"
            lines.append(f"table bridge swarmnet {{\n{chain}\n}}")
        run(["nsenter", f"--net={self.namespace}", "nft", "-f", "-"], stdin="\n".join(lines) + "\n")

    def fit_operator(self, leg: str, address: str, mtu: int | None) -> None:
        """Have this machine exchange packets of at most ``mtu`` bytes with one host; None: as large as all others.

        TCP agrees on it when it connects (the announced MSS), as through a VPN that clamps it.
        """
        route = [f"{address}/32", "dev", leg]
        if mtu is None:
            attempt(["ip", "route", "delete", *route])
        else:
            run(["ip", "route", "replace", *route, "mtu", str(mtu), "advmss", str(mtu - _TCP_HEADERS)])

    def second_bridge(self) -> str:
        """Return the name of a second bridge, which second cards are plugged into; make it where it is not there."""
        if attempt(["nsenter", f"--net={self.namespace}", "ip", "link", "show", _SECOND_BRIDGE]).exit_code != 0:
            kind = "type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
            self.ip_batch([f"link add {_SECOND_BRIDGE} {kind}", f"link set {_SECOND_BRIDGE} up"])
        return _SECOND_BRIDGE

    @staticmethod
    def wait_gone(leg: str) -> None:
        """Return when the operator's leg has vanished: the kernel takes namespaces down in the background."""

        def gone() -> bool:
            return not Path("/sys/class/net", leg).exists()

        if not gone():
            attempt(["ip", "link", "delete", leg])
        until(gone, limit=10, failing=lambda: f"interface {leg} does not go away")


def _forbid_forwarding(leg: str) -> None:
    for family in ("ipv4", "ipv6"):
        setting = Path(f"/proc/sys/net/{family}/conf/{leg}/forwarding")
        if setting.exists():
            setting.write_text("0\n")
    ipv6 = Path(f"/proc/sys/net/ipv6/conf/{leg}/disable_ipv6")
    if ipv6.exists():
        ipv6.write_text("1\n")
