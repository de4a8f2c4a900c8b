"""Whether a host sends what is for its containers on ``docker_gwbridge`` to that bridge: its kernel is asked. Pure.

What comes for a published port, and answers to what containers send out of the swarm, are routed to an address on the
bridge (20.10 to 28.5). Rules of policy routing are looked up before the main table, where the bridge's own route is:
what a VPN leaves there may take all of it away, and neither a firewall nor a namespace shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from itertools import islice
from typing import TYPE_CHECKING

from swarmnet.model.network import GATEWAY
from swarmnet.verify import claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import LOOPBACK, kernel_of, ways_out
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenario import ObserverTask
from swarmnet.verify.scenarios.control.subnets import within
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject
    from swarmnet.model.network import Network
    from swarmnet.model.report import Claim
    from swarmnet.model.subnet import Subnet
    from swarmnet.verify.scenario import Answers, Setup

INWARDS = keys.targets("bridge-way")
NAME = "com.docker.network.bridge.name"
NO_ROUTE = "ENETUNREACH"
REFUSED = frozenset({NO_ROUTE, "EINVAL", "EHOSTUNREACH", "EACCES"})
"""What kernels say of an address without a route, and of blackhole, unreachable and prohibit."""
MEANWHILE = "If a service that was published meanwhile does not answer there, restart Docker there"


@dataclass(frozen=True, slots=True)
class Bridge:
    """A subnet of a host's bridge."""

    address: str
    """One that containers may have."""
    device: str
    own: str
    """The bridge's own address, with the length of its prefix; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class _Mend:
    """Why packets do not get to a bridge, and what helps."""

    reason: str
    fix: str
    commands: tuple[str, ...]
    rules: bool = False
    """Whether the engine may lack rules because of it.

    Of a port that was published while a kernel knew no way to the bridge, that host alone had none (20.10 and 26.1).
    """


def bridge_way(setup: Setup, host: str) -> tuple[ObserverTask, ...]:
    """Ask a host by which device it reaches its bridge's containers; nothing where it has no such bridge."""
    targets: JsonObject = {subnet: bridge.address for subnet, bridge in inside(setup, host).items()}
    return (ObserverTask(host, INWARDS.name, {"kind": "ways", "targets": targets}),) if targets else ()


def led_away(setup: Setup, answers: Answers, host: str) -> Iterator[Trouble]:
    """Yield each subnet of a host's bridge that it does not reach by the bridge; else a failed look-up says nothing."""
    found, _problem = outcomes(answers, host, INWARDS)
    for subnet, bridge in inside(setup, host).items():
        way = found.get(subnet, {})
        device, error = way.get("device"), str(way.get("error"))
        if way.get("ok") is True and isinstance(device, str) and device not in (bridge.device, LOOPBACK):
            table = way.get("table")
            seen = f"leave by {device}"
            mend = _other_table(subnet, table) if isinstance(table, int) else _main_table(answers, host, bridge, seen)
        elif way.get("ok") is False and error in REFUSED and _reaches_others(answers, host):
            mend = _refusing(subnet, bridge.address)
            if error == NO_ROUTE:
                mend = _main_table(answers, host, bridge, "are not sent")
            seen = f"are not sent ({way.get('why')})"
        else:
            continue
        yield Trouble(
            CauseId.BRIDGE_ROUTE,
            (host,),
            f"packets to containers of {host} ({subnet}, {GATEWAY}) {seen}: {mend.reason}, so published ports of {host}"
            " do not answer, and its containers do not get out of the swarm",
            mend.fix.format(host),
            mend.commands,
            broken=frozenset({claims.bridge(host), *outside(setup, host)})
            | ({claims.rules(host, "nat")} if mend.rules else set()),
        )


def _reaches_others(answers: Answers, host: str) -> bool:
    """Return whether the host's kernel found a way to another host: then what it says of the bridge counts."""
    return any(way.get("ok") is True for way in ways_out(answers, host).values())


def _first(subnet: str) -> str:
    """Return the command that lets a subnet be looked up in the main table before all else, where its bridge is."""
    return f"ip rule add pref 1 to {subnet} lookup main"


def _other_table(subnet: str, table: int) -> _Mend:
    return _Mend(
        f"a rule of policy routing has them looked up in table {table} first",
        f"run the first command on {{0}}, and remove what the others show of table {table} (often a VPN's: it comes"
        " back when that starts):",
        (_first(subnet), "ip rule show", f"ip route show table {table}"),
    )


def _refusing(subnet: str, address: str) -> _Mend:
    return _Mend(
        "a route that throws them away (blackhole, unreachable or prohibit) is looked up first",
        f"run the first command on {{0}}; if the second still fails, that route is in the main table: remove it there."
        f" {MEANWHILE}:",
        (_first(subnet), f"ip route get {address}", "ip rule show"),
        rules=True,
    )


def _main_table(answers: Answers, host: str, bridge: Bridge, seen: str) -> _Mend:
    """Return what to do about a bridge that is down, or has lost its address or route, or a route before it."""
    devices = (kernel_of(answers, host) or {}).get("devices")
    if isinstance(devices, dict) and bridge.own and bridge.own.partition("/")[0] not in devices:
        return _Mend(
            f"{GATEWAY} has lost its address {bridge.own}, and with it its route",
            "run the first command on {0}, or restart Docker there, and keep what manages networks there"
            f" (NetworkManager, systemd-networkd) off Docker's bridges. {MEANWHILE}:",
            (f"ip address add {bridge.own} dev {bridge.device}", f"ip address show dev {bridge.device}"),
            rules=True,
        )
    return _Mend(
        f"{GATEWAY} is down or has lost its route, or another route is looked up first",
        f"run the first command on {{0}}; if packets still {seen}, the others name the route or rule: remove it, or"
        f" restart Docker there if none leads to the bridge. {MEANWHILE}:",
        (
            f"ip link set {bridge.device} up",
            f"ip route get {bridge.address}",
            f"ip route show to match {bridge.address}",
            "ip rule show",
        ),
        rules=True,
    )


def inside(setup: Setup, host: str) -> dict[str, Bridge]:
    """Return each IPv4 subnet of a host's bridge with what is known of the bridge.

    The routing mesh is IPv4 only. A subnet in which hosts are has a finding of its own (``bridge-on-underlay``). A host
    that is only checked may have a bridge of an earlier swarm, without a container, which kernels may not count.
    """
    facts = setup.state.facts(host)
    if facts is None or setup.planned is not None:
        return {}
    bridges = [net for net in facts.networks if net.spec.name == GATEWAY and net.spec.driver == "bridge"]
    return {
        part.subnet: Bridge(address, _device_of(net), _with_prefix(part))
        for net in bridges
        for part in net.spec.subnets
        if ":" not in part.subnet and (address := _address(setup, part)) is not None
    }


def _with_prefix(part: Subnet) -> str:
    return f"{part.gateway}/{ip_network(part.subnet).prefixlen}" if part.gateway else ""


def _device_of(bridge: Network) -> str:
    """Return the device of a bridge: engines name one by its id where no name was chosen (20.10 to 28.5)."""
    return bridge.spec.options.get(NAME) or f"br-{bridge.id[:12]}"


def _address(setup: Setup, part: Subnet) -> str | None:
    """Return the first address of a subnet that containers may have, which none of the swarm's hosts is in."""
    known = {one.vtep for one in setup.observers} | {one.engine.membership.address for one in setup.state.hosts}
    if any(within(address, part.subnet) for address in known):
        return None
    return next((one for one in map(str, islice(ip_network(part.subnet), 2, 4)) if one != part.gateway), None)


def outside(setup: Setup, host: str) -> Iterator[Claim]:
    """Yield what fails where a host passes on nothing between its containers and what is outside of the swarm."""
    yield claims.outwards(host)
    for protocol in ("tcp", "udp"):
        yield claims.entry(host, protocol)
        yield from (claims.door(side, host, protocol) for side in (*setup.watched, ""))
