"""The networks of a backup as steps, and those that no engine would take back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.blocks import overlapping
from swarmnet.model.find import by_name, called
from swarmnet.model.hosts import Role
from swarmnet.model.network import GATEWAY, Network, NetworkSpec, Scope
from swarmnet.model.plan import Skip, unmarked
from swarmnet.model.ref import Ref
from swarmnet.operations.addresses import own_routes
from swarmnet.operations.network.restored import RestoredGateway, RestoredNetwork
from swarmnet.operations.playbook import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.state import ClusterState, HostFacts
    from swarmnet.plan.recovery.selection import Selection


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks of one backup, for one set of hosts."""

    document: BackupDocument
    inventory: Inventory
    state: ClusterState
    hosts: Mapping[str, str]
    """Old host names to new ones."""
    selection: Selection

    @property
    def routes(self) -> frozenset[str]:
        """The routes that the old hosts had: what overlapped them once may do so again."""
        return frozenset(route.prefix for facts in self.document.state.hosts for route in own_routes(facts))

    def gateways(self) -> Iterator[Step]:
        """Yield the bridges of the nodes, before engines create their own with the next free block."""
        for facts, new, network in self._gateways():
            if self._in_the_way(network, new) is None:
                spec = network.spec.model_copy(update={"labels": unmarked(network.spec.labels)})
                yield Step(operation=RestoredGateway(spec=spec), on=(self.hosts[facts.host],))

    def swarm(self) -> Iterator[Step]:
        """Yield the networks of the swarm; explicit blocks are pinned, those that the allocator chose, too."""
        networks = _wanted(self.document.state.networks)
        bridges = [net for facts in self.document.state.hosts for net in facts.networks if net.spec.name == GATEWAY]
        for network in networks:
            if self.selection.takes("network", network.spec.name):
                yield Step(operation=self._step(network.spec, (*networks, *bridges)))

    def local(self) -> Iterator[Step]:
        """Yield the networks of each host's own, the configuration networks of all hosts first."""
        hosts = [facts for facts in self.document.state.hosts if facts.host in self.hosts]
        steps = [(network.spec.config_only, step) for facts in hosts for network, step in self._of_host(facts)]
        yield from (step for is_first in (True, False) for config_only, step in steps if config_only is is_first)

    def _of_host(self, facts: HostFacts) -> Iterator[tuple[Network, Step]]:
        new_host = self.hosts[facts.host]
        for network in self._unique(_wanted(facts.networks)):
            name = network.spec.name
            if self.selection.takes("network", name) and not self._ambiguous(name, new_host):
                yield network, Step(operation=self._step(network.spec, facts.networks), on=(new_host,))

    def left_out(self) -> Iterator[Skip]:
        """Yield the networks that cannot come back whatever these hosts are like."""
        for network in self.document.state.networks:
            if not network.allocated:
                yield Skip(
                    object=Ref(kind="network", name=network.spec.name),
                    why="it had no addresses when the backup was taken",
                )
        for _facts, new, network in self._gateways():
            if met := self._in_the_way(network, new):
                why = f"it overlaps {met}: the engine chooses another block"
                yield Skip(object=Ref(kind="network", name=GATEWAY, host=new.host), why=why)
        for facts in self.document.state.hosts:
            if facts.host in self.hosts:
                yield from self._of_host_left_out(_wanted(facts.networks), self.hosts[facts.host])

    def _of_host_left_out(self, networks: tuple[Network, ...], new_host: str) -> Iterator[Skip]:
        once = [id(network) for network in self._unique(networks)]
        for network in networks:
            what = Ref(kind="network", name=network.spec.name, host=new_host)
            if self._ambiguous(network.spec.name, new_host):
                yield Skip(object=what, why="a manager cannot have a local and a swarm network of one name")
            elif id(network) not in once:
                yield Skip(object=what, why="the host had two networks of that name")

    def _gateways(self) -> Iterator[tuple[HostFacts, HostFacts, Network]]:
        for facts in self.document.state.hosts:
            new = self.state.facts(self.hosts.get(facts.host, ""))
            network = by_name(facts.networks, GATEWAY)
            if new is not None and network is not None and network.spec.subnets:
                yield facts, new, network

    def _in_the_way(self, network: Network, new: HostFacts) -> str | None:
        """Return the route or network of a new host that the bridge's block overlaps."""
        blocks = [block.subnet for block in network.spec.subnets]
        routes = (route for route in own_routes(new) if route.prefix not in self.routes)
        met = [f"the route {one.prefix} on {one.device}" for one in routes if overlapping(one.prefix, blocks)]
        others = (net.spec for net in new.networks if net.spec.name != GATEWAY and not net.spec.config_only)
        met += [f"network {other.name}" for other in others if _overlap(network.spec, other)]
        return met[0] if met else None

    def _ambiguous(self, name: str, new_host: str) -> bool:
        """Return whether a local network has the name of a network of the swarm on a host that will be a manager."""
        host = called(self.inventory.hosts, new_host)
        is_manager = host is not None and host.role is Role.MANAGER
        return is_manager and any(net.spec.name == name for net in _wanted(self.document.state.networks))

    @staticmethod
    def _unique(networks: Iterable[Network]) -> tuple[Network, ...]:
        """Return one network of each name: engines up to 24 allow two on one host."""
        return tuple({network.spec.name: network for network in reversed([*networks])}.values())[::-1]

    def _step(self, spec: NetworkSpec, beside: Iterable[Network]) -> RestoredNetwork:
        """Return the step for a network as it was seen, without what engines echo and do not take back."""
        changes: dict[str, object] = {"labels": unmarked(spec.labels)}
        if spec.config_only:
            changes |= {"scope": None, "attachable": False}
        if spec.config_from is not None:
            changes |= {"subnets": (), "options": {}, "ipam_options": {}, "ipv6": False, "labels": {}, "mtu": None}
        fields = {name: getattr(spec, name) for name in type(spec).model_fields} | changes
        companions = frozenset(net.spec.name for net in beside if _overlap(spec, net.spec))
        return RestoredNetwork(**fields, kept=spec, companions=companions, tolerated=self.routes)


def _overlap(spec: NetworkSpec, other: NetworkSpec) -> bool:
    blocks = [block.subnet for block in other.subnets]
    return any(overlapping(block.subnet, blocks) for block in spec.subnets)


def _wanted(networks: Iterable[Network]) -> tuple[Network, ...]:
    """Return the networks that users created and that really exist, configuration networks first."""
    found = (net for net in networks if not net.predefined and not net.spec.ingress and net.allocated)
    return tuple(sorted(found, key=lambda net: (not net.spec.config_only, net.spec.name)))


def is_there_to_restore(document: BackupDocument) -> bool:
    """Return whether the backup holds a swarm, or a network of a host."""
    local = (net for facts in document.state.hosts for net in facts.networks)
    return document.state.swarm is not None or any(net.spec.effective_scope is Scope.LOCAL for net in _wanted(local))
