"""What a host must pass on to and from its containers: published ports of the mesh and of single hosts. Pure.

The engine rewrites the target of what comes for a published port, and the source of the answer. Chains before and
behind see another packet than ``FORWARD`` does (20.10 to 28.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swarmnet.model.service import Protocol, PublishMode
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.verify import claims
from swarmnet.verify.keys import SAVE
from swarmnet.verify.packet_filter import Packet
from swarmnet.verify.scenarios.hosts.crossings import BRIDGE, Crossing, addresses, device_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.report import Claim
    from swarmnet.model.service import Task
    from swarmnet.verify.scenario import Answers, Setup

INSIDE = "172.18.0.2"
"""The routing mesh's own end of the bridge, where no other subnet was chosen for it."""
ANYONE = ""
"""Instead of a peer: any client, whose address is not known."""
MOST = 64
"""Published ports of one host that are walked."""


@dataclass(frozen=True, slots=True)
class Leading:
    """One published port of a host, and where the engine leads its packets."""

    service: str
    protocol: str
    port: int
    inside: str
    """The address behind the bridge."""
    target: int
    """The port there."""
    in_mesh: bool

    @property
    def what(self) -> str:
        """The packets in words."""
        return f"{self.protocol} {self.port} of {self.service}"

    def breaks(self, side: str, host: str) -> frozenset[Claim]:
        """Return what fails where its packets are lost on the host."""
        found = {claims.published(self.protocol, self.port, side, host)}
        if self.in_mesh and side != ANYONE:
            found |= {
                claims.entry(host, self.protocol),
                claims.door(side, host, self.protocol),
                claims.passage("doors", side, host),
            }
        return frozenset(found)


def passed_on(setup: Setup, answers: Answers) -> Iterable[Crossing]:
    """Yield what comes for published ports of each host, and the answers: of few ports by each peer, of all by anyone.

    A rule that drops packets of some addresses alone shows with the ports that each peer is walked for.
    """
    # The routing mesh is IPv4 only, and so are the addresses behind the bridge.
    known = {host: address for host, address in addresses(setup).items() if ":" not in address}
    for host in known:
        ports = list(_ports(setup, answers, host))[:MOST]
        few = {(one.in_mesh, one.service == PROBES, one.protocol): one for one in reversed(ports)}.values()
        for one in ports:
            yield from _both(setup, (host, ANYONE), one, known)
        for peer in known:
            for one in few if peer != host else ():
                yield from _both(setup, (host, peer), one, known)


PROBES = "the probe service"


def _ports(setup: Setup, answers: Answers, host: str) -> Iterator[Leading]:
    """Yield the published ports that lead to a container by way of a host, the mesh's first."""
    for protocol, number in sorted((setup.mesh.ports if setup.mesh else {}).items()):
        yield Leading(PROBES, protocol, number, INSIDE, number, in_mesh=True)
    for service, port in _mesh_ports(setup):
        yield Leading(service, port[0], port[1], INSIDE, port[1], in_mesh=True)
    for service, (protocol, number) in _host_ports(setup, host):
        led = _led_to(answers, host, protocol, number)
        if led is not None:
            yield Leading(service, protocol, number, *led, in_mesh=False)


def _mesh_ports(setup: Setup) -> Iterator[tuple[str, tuple[str, int]]]:
    for service in setup.state.services:
        for port in service.published if PROBE_LABEL not in service.spec.labels else ():
            if port.mode is PublishMode.INGRESS and port.protocol is not Protocol.SCTP and port.published is not None:
                yield service.spec.name, (port.protocol.value, port.published)


def _host_ports(setup: Setup, host: str) -> Iterator[tuple[str, tuple[str, int]]]:
    number = setup.mesh.host_ports.get(host) if setup.mesh else None
    if number is not None:
        yield PROBES, ("tcp", number)
    node = setup.state.node_of(host)
    names = {one.id: one.spec.name for one in setup.state.services if PROBE_LABEL not in one.spec.labels}
    for task in setup.state.tasks if node is not None else ():
        if task.service_id in names and node is not None and task.node_id == node.id:
            yield from ((names[task.service_id], door) for door in _own_ports(task))


def _own_ports(task: Task) -> Iterator[tuple[str, int]]:
    for port in task.published if task.runs else ():
        if port.mode is PublishMode.HOST and port.protocol is not Protocol.SCTP and port.published is not None:
            yield port.protocol.value, port.published


def _led_to(answers: Answers, host: str, protocol: str, number: int) -> tuple[str, int] | None:
    """Return address and port to which the engine leads a port of the host; None where no rule tells."""
    nat = (SAVE.read(answers, host) or {}).get("nat")
    for rule in nat.rules if nat is not None else ():
        if (rule.target, rule.value("--dport"), rule.value("-p")) == ("DNAT", str(number), protocol):
            address, _, port = (rule.value("--to-destination") or "").partition(":")
            if address and port.isdecimal():
                return address, int(port)
    return None


def _both(setup: Setup, ends: tuple[str, str], one: Leading, known: dict[str, str]) -> Iterator[Crossing]:
    """Yield the packet that comes and the one that answers it."""
    host, peer = ends
    client = known.get(peer, ANYONE)
    device = device_of(setup, host, client) if client else _card(setup, host, known)
    asked = (known[host], one.port)
    comes = Packet(one.protocol, client, known[host], port=one.port, came_by=device, leaves_by="", asked=asked)
    inner = replace(comes, target=one.inside, port=one.target, leaves_by=BRIDGE)
    accepted, breaks = one.port if one.in_mesh else 0, one.breaks(peer, host)
    yield Crossing(one.what, host, peer, "FORWARD", inner, breaks, accepted=accepted, wire=comes)
    back = Packet(one.protocol, one.inside, client, None, one.target, "ESTABLISHED", BRIDGE, device, asked)
    leaves = replace(back, source=known[host], from_port=one.port)
    what = f"answers of {one.protocol} {one.port}"
    yield Crossing(what, host, peer, "FORWARD", back, breaks, accepted=accepted, wire=leaves)


def _card(setup: Setup, host: str, known: dict[str, str]) -> str | None:
    """Return the device by which a host is reached by all others; None where that is not one."""
    found = {device_of(setup, host, address) for peer, address in known.items() if peer != host}
    return found.pop() if len(found) == 1 else None
