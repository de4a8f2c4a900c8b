"""Published TCP ports of the mesh, knocked at from the operator's machine: connections are opened, nothing is sent.

For hosts behind a jump host, the jump host opens them.

A knock proves little by itself: firewalls are in between, and programs listen late. What tells is a difference: a port
that answered on a host before an update and does not afterwards, or one that answers on some hosts and not on others.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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
AT_ONCE = 8
"""Doors that jump hosts try at the same time."""
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
        found = _tried(ports, everywhere)
        side = {host: ports.approach(host).between for _port, host in everywhere}
        # A firewall may let a jump host in and this machine not: only what is seen from one place is compared.
        opened = {(port, side[host]) for (port, host), is_open in found.items() if is_open}
        expected = {door for door in found if (door[0], side[door[1]]) in opened} | self.open_before
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

    Datagrams have no connection to try, and through a ProxyCommand this machine has no way but to SSH. Jump hosts try
    the ports of the hosts behind them.
    """
    before, after = _mesh(now), _mesh(wanted)
    if before == after or not after:
        return None
    left = [f"port {number}/{protocol}" for number, protocol in sorted(after - before) if protocol is not Protocol.TCP]
    if any(protocol is Protocol.TCP for _number, protocol in after - before):
        ways = {host.name: ports.approach(host.name) for host in ports.inventory.members}
        hosts = [name for name, way in ways.items() if way.between is not None and not way.tunnels]
        left += [f"TCP ports of {', '.join(hosts)} (behind a ProxyCommand)"] if hosts else []
    return f"not tried from here: {', '.join(left)}; swarmnet verify --only published tries them" if left else None


def _mesh(spec: ServiceSpec) -> frozenset[tuple[int, Protocol]]:
    mesh = (one for one in spec.ports or () if one.mode is PublishMode.INGRESS)
    return frozenset((one.published, one.protocol) for one in mesh if one.published is not None)


def _numbers(spec: ServiceSpec) -> frozenset[int]:
    return frozenset(number for number, protocol in _mesh(spec) if protocol is Protocol.TCP)


def _everywhere(ports: Ports, numbers: Iterable[int]) -> list[Door]:
    """Return the doors of all hosts that this machine or a jump host reaches, and whose nodes are ready."""
    ready = [node for node in ports.manager().nodes.list() if node.status == "ready"]
    names = {word for node in ready for word in (node.hostname, node.address)}
    approaches = {host.name: ports.approach(host.name) for host in ports.inventory.members}
    tried = {name: way for name, way in approaches.items() if way.between is None or way.tunnels}
    there = [name for name, way in tried.items() if names & {name, way.address}]
    return [(number, name) for number in numbers for name in there]


def _knock(ports: Ports, doors: Iterable[Door]) -> frozenset[Door]:
    """Return those that open."""
    return frozenset(door for door, is_open in _tried(ports, doors).items() if is_open)


def _tried(ports: Ports, doors: Iterable[Door]) -> dict[Door, bool]:
    """Return which doors open; those are missing that a jump host does not try."""
    knocked = [*doors]
    behind = [door for door in knocked if ports.approach(door[1]).tunnels]
    here = [door for door in knocked if door not in behind]
    opened = _knock_from_here(ports, here)
    with ThreadPoolExecutor(AT_ONCE, "swarmnet-knock") as pool:
        answers = pool.map(lambda door: ports.opens(door[1], door[0]), behind)
        through = {door: answer for door, answer in zip(behind, answers, strict=True) if answer is not None}
    return {door: door in opened for door in here} | through


def _knock_from_here(ports: Ports, doors: Iterable[Door]) -> frozenset[Door]:
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
