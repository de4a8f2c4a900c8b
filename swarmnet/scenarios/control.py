"""Scenarios of the control plane, judged from the observation alone: nodes, allocation, subnets."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.scenarios.interface import Answers, Findings, Question, Scenario, Scene

if TYPE_CHECKING:
    from collections.abc import Iterable


class ControlScenario(Scenario):
    """Asks nothing: what was observed is enough."""

    needs_probes: ClassVar[bool] = False

    def ask(self, _scene: Scene, _answers: Answers) -> tuple[Question, ...]:
        """Ask nothing."""
        return ()

    def _verdict(self, subject: str, status: Status, detail: str, fix: str | None = None) -> Verdict:
        return Verdict(scenario=self.name, subject=subject, status=status, detail=detail, fix=fix)


class NodesReady(ControlScenario):
    """Every node of the swarm is ready, and managers reach each other."""

    name: ClassVar[str] = "nodes"
    summary: ClassVar[str] = "every node is ready, every manager reachable"

    def judge(self, scene: Scene, _answers: Answers) -> Findings:
        """Return one verdict for all, or one for each node that is not well."""
        nodes = scene.state.nodes
        bad = [
            self._verdict(
                f"node {node.hostname}",
                Status.FAILED,
                f"node {node.hostname} ({node.address}) is {node.status}"
                + (f", as a manager {node.reachability}" if node.reachability not in (None, "reachable") else ""),
                "look at its engine (systemctl status docker), and at 2377/tcp from it to all managers",
            )
            for node in nodes
            if node.status != "ready" or node.reachability not in (None, "reachable")
        ]
        if not nodes:
            bad = [self._verdict("cluster", Status.INCONCLUSIVE, "no manager listed any node")]
        return Findings(tuple(bad) or (self._verdict("cluster", Status.OK, f"all {len(nodes)} nodes are ready"),))


class NetworksAllocated(ControlScenario):
    """Every tested network has addresses and a VNI; the engine answers 201 for networks it then cannot allocate."""

    name: ClassVar[str] = "allocation"
    summary: ClassVar[str] = "every tested network has its subnet and VNI"

    def judge(self, scene: Scene, _answers: Answers) -> Findings:
        """Return one verdict for all, or one for each network that waits for its allocation."""
        bad = [
            self._verdict(
                f"network {network.spec.name}",
                Status.FAILED,
                f"network {network.spec.name} was accepted but never allocated",
                "its subnet overlaps another one or the address pool is used up: make it again with a free subnet",
            )
            for network in scene.networks
            if not network.allocated
        ]
        if not scene.networks:
            bad = [self._verdict("networks", Status.INCONCLUSIVE, "there is no network to test")]
        fine = self._verdict("networks", Status.OK, f"all {len(scene.networks)} tested networks are allocated")
        return Findings(tuple(bad) or (fine,))


class SubnetOverlaps(ControlScenario):
    """No overlay's subnet overlaps another one's, nor a route of a host."""

    name: ClassVar[str] = "subnets"
    summary: ClassVar[str] = "no overlay subnet overlaps another, or a host's route"

    def judge(self, scene: Scene, _answers: Answers) -> Findings:
        """Return a failure for each two overlays that overlap, a warning for each host route that one hides."""
        nets = [(net.spec.name, part.subnet) for net in scene.state.networks for part in net.spec.subnets]
        verdicts = [
            self._verdict(
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
            self._verdict(
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
        return Findings(tuple(verdicts) or (self._verdict("subnets", Status.OK, checked),))


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
