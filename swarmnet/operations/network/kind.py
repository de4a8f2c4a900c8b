"""Networks of the swarm and of single hosts, as one of the kinds of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.errors import HostError
from swarmnet.model.compare import network_changes
from swarmnet.model.kind import RemovableKind
from swarmnet.model.network import GATEWAY, Network, Scope
from swarmnet.model.plan import Change, Rank
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.operations.comparing import bare, turned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState, HostFacts

_PROBES = "a verify that runs now"


class NetworkKind(RemovableKind[Network]):
    """Networks; those that engines make by themselves are never removed."""

    word: ClassVar[str] = "network"
    field: ClassVar[str] = "networks"
    on_hosts: ClassVar[bool] = True
    rank: ClassVar[Rank] = Rank.NETWORK
    is_held: ClassVar[bool] = True

    def compared(self, state: ClusterState, _now: ClusterState) -> dict[str, Network]:
        """Return the swarm's networks, the ingress included: it may have been recreated in another form."""
        return {
            network.spec.name.lower(): _bare(network)
            for network in state.networks
            if network.spec.ingress or not network.predefined
        }

    def compared_on(self, host: str, state: ClusterState, other: ClusterState) -> dict[str, Network]:
        """Return a host's own networks; the bridge that engines make as they join a swarm counts where both have it."""
        facts, others = state.facts(host), other.facts(host)
        both = {GATEWAY} if others is not None and any(net.spec.name == GATEWAY for net in others.networks) else set()
        networks = () if facts is None else facts.networks
        return {
            network.spec.name: _bare(network)
            for network in networks
            if network.spec.effective_scope is Scope.LOCAL and (not network.predefined or network.spec.name in both)
        }

    def changes(self, before: Network, after: Network) -> tuple[Change, ...]:
        """Return how two networks differ, also in whether they are allocated."""
        changes = turned(network_changes(before.spec, after.spec, exact=True))
        if before.allocated == after.allocated:
            return changes
        return (*changes, Change(path="allocated", before=before.allocated, after=after.allocated))

    def put_on(self, facts: HostFacts) -> Iterator[str]:
        """Yield the names of a host's own networks that engines do not make by themselves."""
        yield from (one.spec.name for one in facts.networks if not one.predefined)

    def counts(self, state: ClusterState) -> dict[str, int]:
        """Return the networks of the swarm and those of hosts apart, without the predefined ones."""
        return {
            "network": sum(not one.predefined for one in state.networks),
            "local_network": sum(1 for facts in state.hosts for _name in self.put_on(facts)),
        }

    def may_go(self, seen: Network) -> bool:
        """Return whether it is neither predefined nor the ingress network."""
        return not seen.predefined and not seen.spec.ingress

    def users(self, state: ClusterState, host: str | None, name: str) -> Iterator[str]:
        """Yield services by their spec, and containers that are not tasks by attachments and endpoints.

        The probes of a verify are one user: they are gone when it ends.
        """
        if host is None:
            yield from (
                _PROBES if PROBE_LABEL in service.spec.labels else f"service {service.spec.name}"
                for service in state.services
                if any(at.network == name for at in service.spec.networks or ())
            )
            yield from _unseen_containers(state, name)
        for facts in state.hosts:
            if host in (None, facts.host):
                for container in facts.containers:
                    if container.service is None and any(end.network == name for end in container.endpoints):
                        yield (
                            _PROBES
                            if PROBE_LABEL in container.labels
                            else f"container {container.name} on {facts.host}"
                        )

    def copies(self, ports: Ports, host: str | None, object_id: str) -> tuple[str, ...]:
        """Return the managers that list a copy of a network of the swarm, as long as a task ends there."""
        managers = () if host is not None else ports.inventory.managers
        return tuple(one.name for one in managers if _is_listed(ports, one.name, object_id))


def _is_listed(ports: Ports, host: str, network_id: str) -> bool:
    try:
        return any(net.id == network_id for net in ports.engine(host).networks.list())
    except HostError:
        return False  # it drops its copy when it is back


def _unseen_containers(state: ClusterState, network: str) -> Iterator[str]:
    """Yield containers that only the manager's list of tasks knows, because their hosts did not report them."""
    named = {container.id for facts in state.hosts for container in facts.containers}
    for task in state.tasks:
        attached = task.service_id is None and network in task.networks and task.desired_state == "running"
        if attached and task.container_id not in named:
            yield f"container {(task.container_id or task.id)[:12]}"


def _bare(network: Network) -> Network:
    return network.model_copy(update={"spec": bare(network.spec)})
