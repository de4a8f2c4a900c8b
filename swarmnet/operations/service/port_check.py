"""Published TCP ports of the mesh, knocked at from the operator's machine: connections are opened, nothing is sent.

A knock proves little by itself: firewalls are in between, and programs listen late. What tells is a difference: a port
that answered on a host before an update and does not afterwards, or one that answers on some hosts and not on others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError
from swarmnet.model.clock import wait_until
from swarmnet.model.service import Protocol, PublishMode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.ports import Ports
    from swarmnet.model.service import ServiceSpec

Door = tuple[int, str]
"""A port, and the host at which it is knocked."""
LIMIT = 5.0
"""Seconds for one round of knocks; a door that does not open costs two of them."""
OPENS = 10.0
"""Seconds that doors may take to open, once the service's tasks run: every node hears of them by gossip."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The ports in the mesh that an update leaves or makes, and which of them answered before."""

    numbers: frozenset[int]
    open_before: frozenset[Door]

    @classmethod
    def of(cls, ports: Ports, now: ServiceSpec, wanted: ServiceSpec) -> Doors:
        """Knock at the ports that stay; at none when the update does not touch the mesh."""
        before, after = _numbers(now), _numbers(wanted)
        if before == after or not after:
            return cls(frozenset(), frozenset())
        return cls(after, _knock(ports, _everywhere(ports, before & after)))

    def lost(self, ports: Ports) -> frozenset[Door]:
        """Return the doors that answered before and do not any more, having waited for them."""
        return self._shut(ports, self.open_before)

    def prove(self, ports: Ports, service: str) -> None:
        """Raise ``ConvergenceError`` for doors that are lost, or shut on some hosts while they open on others."""
        everywhere = _everywhere(ports, self.numbers)
        opened = _knock(ports, everywhere)
        expected = {door for door in everywhere if door[0] in {port for port, _host in opened}} | self.open_before
        shut = self._shut(ports, frozenset(expected))
        if shut:
            named = ", ".join(f"{port} on {host}" for port, host in sorted(shut))
            raise ConvergenceError(
                f"service {service} runs, but takes no connections at {named}, as it did before or does on other hosts",
                hint="swarmnet verify --only published,mesh-tcp names the cause",
            )

    def _shut(self, ports: Ports, doors: frozenset[Door]) -> frozenset[Door]:
        left = doors

        def look() -> tuple[bool | None, str]:
            nonlocal left
            left -= _knock(ports, sorted(left))
            return (None if left else True), f"{len(left)} are shut"

        try:
            wait_until(ports.clock, look, what="published ports to open", timeout=OPENS, every=0.2)
        except ConvergenceError:
            return left
        return frozenset()


def not_tried(ports: Ports, now: ServiceSpec, wanted: ServiceSpec) -> str | None:
    """Return what of an update's mesh no connection from here can prove, None when there is nothing.

    Datagrams have no connection to try, and to hosts behind a jump host this machine has no way but SSH.
    """
    before, after = _mesh(now), _mesh(wanted)
    if before == after or not after:
        return None
    left = [f"port {number}/{protocol}" for number, protocol in sorted(after - before) if protocol is not Protocol.TCP]
    if any(protocol is Protocol.TCP for _number, protocol in after - before):
        hosts = [host.name for host in ports.inventory.members if ports.approach(host.name).between is not None]
        left += [f"TCP ports of {', '.join(hosts)} (behind a jump host)"] if hosts else []
    return f"not tried from here: {', '.join(left)}; swarmnet verify --only published tries them" if left else None


def _mesh(spec: ServiceSpec) -> frozenset[tuple[int, Protocol]]:
    mesh = (one for one in spec.ports or () if one.mode is PublishMode.INGRESS)
    return frozenset((one.published, one.protocol) for one in mesh if one.published is not None)


def _numbers(spec: ServiceSpec) -> frozenset[int]:
    return frozenset(number for number, protocol in _mesh(spec) if protocol is Protocol.TCP)


def _everywhere(ports: Ports, numbers: Iterable[int]) -> list[Door]:
    """Return the doors of all hosts that this machine reaches by itself, and whose nodes are ready."""
    ready = [node for node in ports.manager().nodes.list() if node.status == "ready"]
    names = {word for node in ready for word in (node.hostname, node.address)}
    approaches = {host.name: ports.approach(host.name) for host in ports.inventory.members}
    direct = [name for name, way in approaches.items() if way.between is None and names & {name, way.address}]
    return [(number, name) for number in numbers for name in direct]


def _knock(ports: Ports, doors: Iterable[Door]) -> frozenset[Door]:
    """Return those that open."""
    by_key = {f"{port}/{host}": (port, host) for port, host in doors}
    if not by_key:
        return frozenset()
    targets: dict[str, JsonValue] = {
        key: [ports.approach(host).address, port, "open"] for key, (port, host) in by_key.items()
    }
    task: JsonObject = {"key": "doors", "kind": "knock", "targets": targets, "times": 0}
    answer = ports.ask_from_here({"number": 0, "run": "apply", "limit": LIMIT, "tasks": [task]}).get("doors")
    outcomes = answer.get("targets") if isinstance(answer, dict) else None
    if not isinstance(outcomes, dict):
        return frozenset()
    return frozenset(by_key[key] for key, one in outcomes.items() if isinstance(one, dict) and one.get("ok") is True)
