"""Networks as a backup has them: what an engine had comes back, even if a playbook cannot describe it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from typing_extensions import override

from swarmnet.model.blocks import overlapping
from swarmnet.model.compare import network_changes
from swarmnet.model.hosts import Role
from swarmnet.model.network import GATEWAY, Network, NetworkSpec, Scope
from swarmnet.model.plan import Action, Rank, unmarked
from swarmnet.model.ref import Ref
from swarmnet.model.state import SwarmStanding
from swarmnet.operations.addresses import few, own_routes
from swarmnet.operations.kind import Context, Operation
from swarmnet.operations.network.actions import CreateNetwork, remake_network
from swarmnet.operations.network.checks import ambiguous, too_old_for_network, warnings_in_cluster
from swarmnet.operations.network.operation import NetworkOperation
from swarmnet.operations.state_edits import with_network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.plan import Change
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState, HostFacts


class RestoredNetwork(NetworkOperation):
    """One network of a backup. Its fields are what is sent."""

    name_in_playbook: ClassVar[str] = "restored_network"
    summary: ClassVar[str] = "One network as a backup has it."

    kept: NetworkSpec
    """The network as the engine showed it, which is what is compared."""
    companions: frozenset[str] = frozenset()
    """Names of the networks that overlapped it in the backup, and may do so again."""
    tolerated: frozenset[str] = frozenset()
    """Overlapping routes that the old hosts had."""

    def faults(self) -> tuple[str, ...]:
        """Return nothing: an engine accepted it before."""
        return ()

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what conflicts with it on these hosts, and what their engines are too old for."""
        return (
            *ambiguous(self.spec, context),
            *self._in_the_way(context),
            *too_old_for_network(self.spec, context),
        )

    def warnings(self, context: Context) -> tuple[str, ...]:
        """Return blocks that are too small, and hosts without the configuration network."""
        found = [*warnings_in_cluster(self.spec, context)]
        own = {host.name for host in context.hosts}
        hosts = [one for one in context.state.hosts if one.host in own or self.effective_scope is Scope.SWARM]
        lacking = [facts.host for facts in hosts if not _has_configuration(facts, self.config_from)]
        if lacking:
            found.append(
                f"network {self.name} takes its configuration from {self.config_from}, which is missing on"
                f" {few(lacking)}: tasks on it fail there"
            )
        return tuple(found)

    def changes_from(self, seen: Network) -> tuple[Change, ...]:
        """Return how the network differs from the backup, in all fields; a predicted one only in those sent."""
        bare = seen.spec.model_copy(update={"labels": unmarked(seen.spec.labels)})
        if seen.id:
            wanted = self.kept.model_copy(update={"labels": unmarked(self.kept.labels)})
            return network_changes(wanted, bare, exact=True)
        return network_changes(self.spec, bare)

    @override
    def rebuilt(self, spec: NetworkSpec, seen: Network) -> NetworkSpec:
        return spec

    def _in_the_way(self, context: Context) -> Iterator[str]:
        state = context.state
        if self.effective_scope is Scope.SWARM:
            yield from self._in_the_swarm(state)
            return
        for host in context.hosts:
            facts = state.facts(host.name)
            if facts is None:
                continue
            seen = state.local_network(host.name, self.name)
            if seen is not None and not self.changes_from(seen):
                continue
            if seen is None and host.role is Role.MANAGER and state.network(self.name) is not None:
                yield f"network {self.name} on {host.name}: the swarm has a network of that name"
            yield from self._beside([net.spec for net in facts.networks], f" on {host.name}")
            yield from self._routes((facts,))

    def _in_the_swarm(self, state: ClusterState) -> Iterator[str]:
        if state.swarm is None:
            yield f"network {self.name} needs a swarm"
            return
        same = state.network(self.name)
        if same is not None and same.spec.name == self.name and not self.changes_from(same):
            return
        if same is not None and same.spec.name != self.name:
            yield f"network {self.name}: there is a network {same.spec.name}, and names differ in more than case"
        managers = {node.id for node in state.nodes if node.spec.role is Role.MANAGER}
        for facts in state.hosts:
            local = any(net.spec.name == self.name for net in facts.networks)
            if local and facts.engine.membership.node_id in managers:
                yield f"network {self.name}: {facts.host} has a local network of that name"
        yield from self._beside([net.spec for net in state.networks], "")
        for facts in state.hosts:
            gateway = [net.spec for net in facts.networks if net.spec.name == GATEWAY]
            yield from self._beside(gateway, f" on {facts.host}")
        yield from self._routes(state.hosts)

    def _beside(self, others: list[NetworkSpec], place: str) -> Iterator[str]:
        for other in others:
            if self.config_only or other.config_only or other.name in (*self.companions, self.name):
                continue
            for block in self.subnets:
                if met := overlapping(block.subnet, (one.subnet for one in other.subnets)):
                    yield f"network {self.name}: {block.subnet} overlaps {met} of network {other.name}{place}"

    def _routes(self, hosts: tuple[HostFacts, ...]) -> Iterator[str]:
        if self.config_only or self.driver not in ("overlay", "bridge"):
            return  # macvlan and ipvlan share the subnet of their parent on purpose
        met: dict[str, list[str]] = {}
        for facts in hosts:
            for route in own_routes(facts):
                known = route.prefix in self.tolerated
                if not known and overlapping(route.prefix, (block.subnet for block in self.subnets)):
                    met.setdefault(f"{route.prefix} on {route.device}", []).append(facts.host)
        yield from (f"network {self.name} overlaps the route {what} of {few(where)}" for what, where in met.items())


class RemakeGateway(Action):
    """Replace the bridge of a host outside of swarms with that of a backup."""

    kind: Literal["network.remake-gateway"] = "network.remake-gateway"
    host: str
    spec: NetworkSpec

    stage: ClassVar[Rank] = Rank.NETWORK

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the bridge as written."""
        return with_network(state, Network(id="", spec=self.spec, predefined=True), self.host)

    def run(self, ports: Ports) -> None:
        """Remove it and create it. Nothing uses it, since the host is not in a swarm."""
        remake_network(ports, self.spec, self.host)


class RestoredGateway(Operation):
    """The bridge ``docker_gwbridge`` of one host, created before the engine creates its own."""

    name_in_playbook: ClassVar[str] = "restored_gateway"
    summary: ClassVar[str] = "The bridge docker_gwbridge of one host, as a backup has it."

    spec: NetworkSpec

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what creates it, if the host is not in a swarm yet and has none or another one."""
        return tuple(self._make(context))

    def _make(self, context: Context) -> Iterator[Action]:
        for host in context.hosts:
            facts = context.state.facts(host.name)
            if facts is None or facts.engine.membership.state is not SwarmStanding.INACTIVE:
                continue
            seen = context.state.local_network(host.name, GATEWAY)
            target = Ref(kind="network", name=GATEWAY, host=host.name)
            if seen is None:
                why = "the engine would create its own with the next free block"
                yield CreateNetwork(object=target, why=why, host=host.name, spec=self.spec)
            elif changes := network_changes(self.spec, seen.spec):
                why = "an earlier swarm left it, and the backup has another one"
                yield RemakeGateway(object=target, why=why, changes=changes, host=host.name, spec=self.spec)


def _has_configuration(facts: HostFacts, name: str | None) -> bool:
    return name is None or any(net.spec.name == name and net.spec.config_only for net in facts.networks)
