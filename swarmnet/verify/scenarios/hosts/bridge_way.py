"""Whether a host sends what is for its containers on ``docker_gwbridge`` to that bridge: its kernel is asked. Pure.

What comes for a published port, and answers to what containers send out of the swarm, are routed to an address on the
bridge (20.10 to 28.5). Rules of policy routing are looked up before the main table, where the bridge's own route is:
what a VPN leaves there may take all of it away, and neither a firewall nor a namespace shows it.
"""

from __future__ import annotations

from ipaddress import ip_network
from itertools import islice
from typing import TYPE_CHECKING

from swarmnet.model.network import GATEWAY
from swarmnet.verify import claims, keys
from swarmnet.verify.ids import CauseId
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
OWN = "lo"
"""By which a kernel reaches addresses of its own: that says nothing of containers."""


def bridge_way(setup: Setup, host: str) -> tuple[ObserverTask, ...]:
    """Ask a host by which device it reaches its bridge's containers; nothing where it has no such bridge."""
    targets: JsonObject = {subnet: address for subnet, (address, _device) in _inside(setup, host).items()}
    return (ObserverTask(host, INWARDS.name, {"kind": "ways", "targets": targets}),) if targets else ()


def led_away(setup: Setup, answers: Answers, host: str) -> Iterator[Trouble]:
    """Yield each subnet of a host's bridge that it reaches by another device; a look-up that failed proves nothing."""
    found, _problem = outcomes(answers, host, INWARDS)
    for subnet, (address, bridge) in _inside(setup, host).items():
        way = found.get(subnet, {})
        device = way.get("device")
        if way.get("ok") is True and isinstance(device, str) and device not in (bridge, OWN):
            yield Trouble(
                CauseId.BRIDGE_ROUTE,
                (host,),
                f"packets to containers of {host} ({subnet}, {GATEWAY}) leave by {device}: another route, or a rule of"
                f" policy routing, is looked up first, so published ports of {host} do not answer, and its containers"
                " do not get out of the swarm",
                f"these commands on {host} name the rule or route (often what a VPN left): remove it, or give {GATEWAY}"
                " another subnet:",
                (f"ip route get {address}", "ip rule show"),
                broken=frozenset(_behind(setup, host)),
            )


def _inside(setup: Setup, host: str) -> dict[str, tuple[str, str]]:
    """Return each IPv4 subnet of a host's bridge with an address for containers there, and the bridge's device.

    The routing mesh is IPv4 only. A subnet in which hosts are has a finding of its own (``bridge-on-underlay``). A host
    that is only checked may have a bridge of an earlier swarm, without a container, which kernels may not count.
    """
    facts = setup.state.facts(host)
    if facts is None or setup.planned is not None:
        return {}
    bridges = [net for net in facts.networks if net.spec.name == GATEWAY and net.spec.driver == "bridge"]
    return {
        part.subnet: (address, _device_of(net))
        for net in bridges
        for part in net.spec.subnets
        if ":" not in part.subnet and (address := _address(setup, part)) is not None
    }


def _device_of(bridge: Network) -> str:
    """Return the device of a bridge: engines name one by its id where no name was chosen (20.10 to 28.5)."""
    return bridge.spec.options.get(NAME) or f"br-{bridge.id[:12]}"


def _address(setup: Setup, part: Subnet) -> str | None:
    """Return the first address of a subnet that containers may have, which none of the swarm's hosts is in."""
    known = {one.vtep for one in setup.observers} | {one.engine.membership.address for one in setup.state.hosts}
    if any(within(address, part.subnet) for address in known):
        return None
    return next((one for one in map(str, islice(ip_network(part.subnet), 2, 4)) if one != part.gateway), None)


def _behind(setup: Setup, host: str) -> Iterator[Claim]:
    yield from (claims.bridge(host), claims.outwards(host))
    for protocol in ("tcp", "udp"):
        yield claims.entry(host, protocol)
        yield from (claims.door(side, host, protocol) for side in (*setup.watched, ""))
