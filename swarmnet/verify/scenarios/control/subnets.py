"""Scenario: subnets do not overlap."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address, ip_network
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.verification import Level
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import Answers, Findings, Setup
from swarmnet.verify.scenarios.control.nodes import ControlScenario

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Claim, Verdict


class SubnetOverlaps(ControlScenario):
    """No overlay's subnet overlaps another one's, nor a route of a host."""

    name: ClassVar[str] = "subnets"
    summary: ClassVar[str] = "no overlay subnet overlaps another, or a host's route"
    level: ClassVar[Level] = Level.QUICK

    def judge(self, setup: Setup, _answers: Answers) -> Findings:
        """Return a failure for each two overlays that overlap, a warning for each host route that one hides."""
        nets = [(net.spec.name, part.subnet) for net in setup.state.networks for part in net.spec.subnets]
        verdicts = [
            self.verdict(
                f"network {one}",
                Status.FAILED,
                f"subnet {first} of {one} overlaps {second} of {other}",
                "recreate one of them with a free subnet",
                cause=CauseId.SUBNET_OVERLAP,
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
                " reach what is behind it",
                "recreate the network with a subnet that no host has a route for",
                cause=CauseId.SUBNET_HIDES_ROUTE,
            ).model_copy(
                update={
                    "evidence": {"cause": CauseId.SUBNET_HIDES_ROUTE, "hosts": [*hosts]},
                    "broken": frozenset((claims.apart(name),)),
                }
            )
            for name, subnet in nets
            for route, hosts in _hidden(setup, subnet)
        ]
        verdicts += self._bridged(setup)
        checked = (
            f"{count(len(nets), 'subnet overlaps', 'subnets overlap')} no other one, and no route of"
            f" {count(len(setup.state.hosts), 'host')}"
        )
        return Findings(tuple(verdicts) or (self.verdict("subnets", Status.OK, checked),))

    def _bridged(self, setup: Setup) -> list[Verdict]:
        """Return a failure for each host with a bridge on a subnet in which hosts of the cluster are."""
        known = {one.host: one.engine.membership.address for one in setup.state.hosts if one.engine.membership.address}
        found = []
        for facts in setup.state.hosts:
            for net, part in [(one, part) for one in facts.networks for part in one.spec.subnets]:
                inside = [host for host, address in known.items() if within(address, part.subnet)]
                if net.spec.driver == "bridge" and inside:
                    found.append(self._bridge(setup, (facts.host, net.spec.name, part.subnet), inside))
        return found

    def _bridge(self, setup: Setup, bridge: tuple[str, str, str], inside: list[str]) -> Verdict:
        host, name, subnet = bridge
        pairs = [pair for one in setup.state.hosts for pair in ((host, one.host), (one.host, host)) if one.host != host]
        ways = (claims.vxlan, claims.esp, lambda one, other: claims.passage("vxlan", one, other), claims.learned)
        again = (
            "let the host leave the swarm, docker network rm docker_gwbridge, docker network create --subnet FREE"
            " docker_gwbridge, and join again"
            if name == "docker_gwbridge"
            else f"recreate {name} with a subnet that contains no host"
        )
        verdict = self.verdict(
            f"host {host}",
            Status.FAILED,
            f"{name} of {host} has {subnet}, in which {', '.join(inside)} {'is' if len(inside) == 1 else 'are'}: what"
            f" {host} sends there goes to its own bridge",
            f"{again}; set default-address-pools in /etc/docker/daemon.json so that engines choose others",
            cause=CauseId.BRIDGE_ON_UNDERLAY,
        )
        evidence: JsonObject = {**verdict.evidence, "hosts": [host], "subnet": subnet}
        broken = frozenset(way(*pair) for way in ways for pair in pairs)
        if any((node := setup.state.node_of(one)) is not None and node.spec.role == "manager" for one in inside):
            broken |= {claims.attach(host)}
        return verdict.model_copy(update={"evidence": evidence, "broken": broken})


def _hidden(setup: Setup, subnet: str) -> Iterable[tuple[str, list[str]]]:
    routes: dict[str, list[str]] = {}
    for facts in setup.state.hosts:
        for route in facts.routes:
            if not route.prefix.endswith("/0") and _overlap(subnet, route.prefix):
                routes.setdefault(route.prefix, []).append(facts.host)
    return sorted(routes.items())


def hiding(setup: Setup, networks: Collection[str], addresses: Collection[str]) -> frozenset[Claim]:
    """Return the claims on those networks in whose subnets an address is: what is sent there never leaves them."""
    return frozenset(
        claims.apart(net.spec.name)
        for net in setup.state.networks
        if net.spec.name in networks
        for part in net.spec.subnets
        if any(within(address, part.subnet) for address in addresses)
    )


def within(address: str, subnet: str) -> bool:
    """Return whether an address is in a subnet; text that is not an address is in none."""
    try:
        return ip_address(address) in ip_network(subnet)
    except ValueError:
        return False


def _overlap(one: str, other: str) -> bool:
    first, second = ip_network(one), ip_network(other)
    if isinstance(first, IPv4Network) or isinstance(second, IPv4Network):
        return isinstance(first, IPv4Network) and isinstance(second, IPv4Network) and first.overlaps(second)
    return first.overlaps(second)
