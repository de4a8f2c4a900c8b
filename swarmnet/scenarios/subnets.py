"""Scenario: subnets do not overlap."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status
from swarmnet.scenarios.control import ControlScenario
from swarmnet.scenarios.interface import Answers, Findings, Scene

if TYPE_CHECKING:
    from collections.abc import Iterable


class SubnetOverlaps(ControlScenario):
    """No overlay's subnet overlaps another one's, nor a route of a host."""

    name: ClassVar[str] = "subnets"
    summary: ClassVar[str] = "no overlay subnet overlaps another, or a host's route"

    def judge(self, scene: Scene, _answers: Answers) -> Findings:
        """Return a failure for each two overlays that overlap, a warning for each host route that one hides."""
        nets = [(net.spec.name, part.subnet) for net in scene.state.networks for part in net.spec.subnets]
        verdicts = [
            self.verdict(
                f"network {one}",
                Status.FAILED,
                f"subnet {first} of {one} overlaps {second} of {other}",
                "make one of them again with a free subnet",
            )
            for index, (one, first) in enumerate(nets)
            for other, second in nets[index + 1 :]
            if other != one and _overlap(first, second)
        ]
        verdicts += [
            self.verdict(
                f"network {name}",
                Status.WARNING,
                f"subnet {subnet} of {name} overlaps the route {route} of {', '.join(hosts)}: containers there cannot"
                " reach what lies behind it",
                "make the network again with a subnet that no host routes",
            )
            for name, subnet in nets
            for route, hosts in _hidden(scene, subnet)
        ]
        checked = f"{len(nets)} subnets overlap neither each other nor a route of {len(scene.state.hosts)} hosts"
        return Findings(tuple(verdicts) or (self.verdict("subnets", Status.OK, checked),))


def _hidden(scene: Scene, subnet: str) -> Iterable[tuple[str, list[str]]]:
    routes: dict[str, list[str]] = {}
    for facts in scene.state.hosts:
        for route in facts.routes:
            if not route.prefix.endswith("/0") and _overlap(subnet, route.prefix):
                routes.setdefault(route.prefix, []).append(facts.host)
    return sorted(routes.items())


def _overlap(one: str, other: str) -> bool:
    first, second = ip_network(one), ip_network(other)
    if isinstance(first, IPv4Network) or isinstance(second, IPv4Network):
        return isinstance(first, IPv4Network) and isinstance(second, IPv4Network) and first.overlaps(second)
    return first.overlaps(second)
