"""Every kind of packet that hosts of a swarm must take from each other, let out to each other, and pass on. Pure.

Each is one packet as the kernel sees it at its hooks, and says what fails without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from swarmnet.verify import claims
from swarmnet.verify.packet_filter import Packet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.report import Claim
    from swarmnet.verify.scenario import Setup

GOSSIP, ORDERS = 7946, 2377
MTU, ESP_TAKES = 1500, 26
"""Bytes that engines expect a device to carry unless a network says it, and those of them that ESP takes (libnetwork:
a container's MTU is 50 bytes less, 76 on an encrypted network)."""
BRIDGE = "docker_gwbridge"
"""To which each host forwards what comes for a published port."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One kind of packet between two hosts, where it meets a firewall, and what fails without it."""

    what: str
    """In words: ``udp 7946``."""
    host: str
    """Whose firewall."""
    peer: str
    """The other host; empty for anyone, whose address is not known."""
    chain: str
    packet: Packet
    breaks: frozenset[Claim]
    both_states: bool = False
    """True where a firewall that knows connections takes the packet for an answer, too: only what it drops in both
    cases is lost."""
    accepted: int = 0
    """The published port for which the engine must have a rule: without it, the engine's rules are the cause."""
    wire: Packet | None = None
    """As it is outside of the host, where the engine rewrites an address of what is passed on."""
    is_carried: bool = False
    """True where it leaves in ESP: no filter at the card sees it."""

    @property
    def is_by_ipv6(self) -> bool:
        """Whether rules of IPv6 decide."""
        return ":" in self.packet.source

    def at(self, chain: str) -> Packet:
        """Return the packet as it is at one hook: rewritten behind ``PREROUTING``, or before it leaves."""
        outside = ("INGRESS", "PREROUTING") if self.packet.leaves_by == BRIDGE else ("EGRESS",)
        return self.wire if self.wire is not None and chain in outside else self.packet


def crossings(setup: Setup) -> Iterable[Crossing]:
    """Yield every kind of packet between two hosts that ends at one of them."""
    known = addresses(setup)
    for host, own in known.items():
        for peer, other in known.items():
            # Between hosts of both versions of IP, no packet of a swarm has these two addresses.
            if peer != host and (":" in own) == (":" in other):
                yield from _between(setup, host, (peer, host), known)
                yield from _between(setup, host, (host, peer), known)


def addresses(setup: Setup) -> dict[str, str]:
    """Return the address of each host that is watched on the underlay, as far as it is known."""
    return {one.host: one.vtep for one in setup.observers if one.problem is None and _is_address(one.vtep)}


def _between(setup: Setup, host: str, way: tuple[str, str], known: dict[str, str]) -> Iterable[Crossing]:
    """Yield what meets the firewall of one of two hosts on its way from the first to the second."""
    source, target = way
    is_coming = target == host
    chain, peer = ("INPUT", source) if is_coming else ("OUTPUT", target)
    device = device_of(setup, host, known[peer])
    came_by, leaves_by = (device, "") if is_coming else ("", device)
    here = Packet("udp", known[source], known[target], came_by=came_by, leaves_by=leaves_by)
    learned, data, has_plain = _gossip(host, peer), setup.data_path_port, _has_plain(setup)
    # What leaves in ESP meets OUTPUT in clear, too: it is encrypted afterwards.
    if has_plain or not is_coming:
        packet, carried = replace(here, port=data), not has_plain
        yield Crossing(f"udp {data}", host, peer, chain, packet, _vxlan(*way), is_carried=carried)
        whole = replace(packet, length=_full(setup, encrypted=carried))
        large = frozenset({claims.path(*way)})
        yield Crossing(f"full-size udp {data}", host, peer, chain, whole, large, is_carried=carried)
    for protocol in ("udp", "tcp"):
        from_port = GOSSIP if protocol == "udp" else None
        packet = replace(here, protocol=protocol, port=GOSSIP, from_port=from_port)
        broken = learned | {claims.passage(f"{protocol}/{GOSSIP}", *way)}
        yield Crossing(f"{protocol} {GOSSIP}", host, peer, chain, packet, broken, both_states=protocol == "udp")
    if _is_manager(setup, target):
        packet = replace(here, protocol="tcp", port=ORDERS)
        yield Crossing(f"tcp {ORDERS}", host, peer, chain, packet, _orders(*way))
    if _has_esp(setup):
        esp = frozenset((claims.esp(*way), claims.passage("esp", *way)))
        yield Crossing("esp", host, peer, chain, replace(here, protocol="esp"), esp)
        if is_coming:
            inner = replace(here, port=data, decrypted=True)
            yield Crossing(f"udp {data} that came in esp", host, peer, chain, inner, esp, is_carried=True)
            whole = replace(inner, length=_full(setup, encrypted=True))
            large = frozenset({claims.path(*way)})
            yield Crossing(f"full-size udp {data} that came in esp", host, peer, chain, whole, large, is_carried=True)
    # Answers that do not come in are those of doors, too.
    doors = frozenset(claims.door(host, peer, protocol) for protocol in ("tcp", "udp")) if is_coming else frozenset()
    answer = replace(here, protocol="tcp", from_port=GOSSIP, state="ESTABLISHED")
    broken = learned | doors | {claims.passage("answers", *way)}
    yield Crossing("answers (ESTABLISHED)", host, peer, chain, answer, broken)


def _gossip(host: str, peer: str) -> frozenset[Claim]:
    ways = claims.both(lambda one, other: claims.passage("gossip", one, other), host, peer)
    return ways | claims.both(claims.learned, host, peer)


def _orders(host: str, manager: str) -> frozenset[Claim]:
    return frozenset((claims.node(host), claims.passage(f"tcp/{ORDERS}", host, manager)))


def _vxlan(source: str, target: str) -> frozenset[Claim]:
    return frozenset((claims.vxlan(source, target), claims.passage("vxlan", source, target)))


def _has_plain(setup: Setup) -> bool:
    """Return whether any overlay sends VXLAN without ESP."""
    nets = (*setup.networks, *setup.state.networks, *((setup.control,) if setup.control else ()))
    return any(net.spec.driver == "overlay" and not net.spec.encrypted for net in nets) or not nets


def _full(setup: Setup, *, encrypted: bool) -> int:
    """Return the bytes of the largest packet of VXLAN that containers cause, before ESP."""
    nets = [net.spec for net in (*setup.networks, *setup.state.networks) if net.spec.driver == "overlay"]
    sizes = [net.mtu or MTU for net in nets if bool(net.encrypted) is encrypted]
    return max(sizes, default=MTU) - (ESP_TAKES if encrypted else 0)


def _has_esp(setup: Setup) -> bool:
    """Return whether a tested network is encrypted, or one of those may be that the hosts are checked for."""
    planned = setup.planned is not None and setup.planned.encrypted is not False
    return planned or any(net.spec.encrypted for net in setup.networks)


def device_of(setup: Setup, host: str, address: str) -> str | None:
    """Return the device by which a host reaches an address directly; None where its routes do not tell."""
    facts = setup.state.facts(host)
    fitting = [
        (ip_network(route.prefix).prefixlen, route.device)
        for route in (facts.routes if facts else ())
        if ip_address(address) in ip_network(route.prefix)
    ]
    return max(fitting)[1] if fitting else None


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _is_manager(setup: Setup, host: str) -> bool:
    node = setup.state.node_of(host)
    if node is None:
        return setup.planned is not None and host in setup.planned.managers
    return node.spec.role == "manager"
