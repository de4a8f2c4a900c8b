"""Check: no route of a host leads into blocks that the swarm takes, and no bridge covers the hosts themselves."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.blocks import overlapping
from swarmnet.model.plural import count
from swarmnet.operations.addresses import own_routes
from swarmnet.verify.checks.doors import all_passages
from swarmnet.verify.checks.host_check import HostCheck, members
from swarmnet.verify.ids import CauseId
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.verify.scenario import Answers, Findings, Setup


class Routes(HostCheck):
    """Pools and subnets next to what hosts reach by routes: a container never gets there."""

    name: ClassVar[str] = "routes"
    summary: ClassVar[str] = "no host's route or bridge has addresses that the swarm or another host has"

    def judge(self, setup: Setup, _answers: Answers) -> Findings:
        """Return one verdict for each block and route that overlap, and each bridge that covers a host."""
        found = [*_hidden(setup), *_bridged(setup)]
        blocks = len(setup.planned.blocks) if setup.planned else 0
        return self.reported(
            found, f"no route of {count(len(members(setup)), 'host')} overlaps {count(blocks, 'block')} of the swarm"
        )


def _hidden(setup: Setup) -> Iterator[Trouble]:
    met: dict[tuple[str, str], list[str]] = {}
    for facts in setup.state.hosts:
        for route in own_routes(facts):
            for one in setup.planned.blocks if setup.planned else ():
                if overlapping(route.prefix, [one.prefix]):
                    met.setdefault((one.what, f"{route.prefix} on {route.device}"), []).append(facts.host)
    for (what, way), hosts in met.items():
        yield Trouble(
            CauseId.SUBNET_HIDES_ROUTE,
            tuple(hosts),
            f"{what} overlaps the route {way} of {', '.join(hosts)}: containers cannot reach what is behind it, and"
            " the host may lose it",
            "write a default_addr_pool or subnet that no host has a route to",
        )


def _bridged(setup: Setup) -> Iterator[Trouble]:
    """Yield bridges of engines whose subnet has other hosts in it: what is sent there stays on the host."""
    known = setup.planned.addresses if setup.planned else {}
    for facts in setup.state.hosts:
        for net in facts.networks:
            for part in net.spec.subnets:
                inside = [
                    host for host, address in known.items() if host != facts.host and _within(address, part.subnet)
                ]
                own = _within(known.get(facts.host, ""), part.subnet)
                if net.spec.driver == "bridge" and inside and not own:
                    yield _bridge(setup, facts.host, (net.spec.name, part.subnet), inside)


def _bridge(setup: Setup, host: str, bridge: tuple[str, str], inside: list[str]) -> Trouble:
    name, subnet = bridge
    ways = frozenset(claim for other in inside for claim in all_passages(setup, host, other))
    remove = () if name == "bridge" else (f"docker network rm {name}",)
    return Trouble(
        CauseId.BRIDGE_ON_UNDERLAY,
        (host,),
        f"the network {name} of {host} has {subnet}, in which {', '.join(inside)} {'are' if inside[1:] else 'is'}: what"
        f" {host} sends there goes to its own bridge",
        'set "bip" and "default-address-pools" in /etc/docker/daemon.json so that engines choose others, then:',
        (*remove, "systemctl restart docker"),
        broken=ways,
    )


def _within(address: str, subnet: str) -> bool:
    try:
        return ip_address(address) in ip_network(subnet)
    except ValueError:
        return False
