"""What differs between two looks at a cluster, object by object and field by field.

Volatile things never count: ids, versions, virtual IPs, VXLAN identifiers, tasks, leadership, status. What one of the
two looks could not see (an unreachable host, no manager) is named, not reported as missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from swarmnet.model.compare import network_changes, node_changes, service_changes, swarm_changes
from swarmnet.model.differences import Difference, Drift, Kind
from swarmnet.model.lock import LOCK_NAME
from swarmnet.model.network import GATEWAY, Network, Scope
from swarmnet.model.placement import by_hostname
from swarmnet.model.plan import Change, unmarked
from swarmnet.model.redaction import content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from swarmnet.model.base import Labels
    from swarmnet.model.network import NetworkSpec
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import ConfigSpec, Node, NodeSpec, SecretSpec, SwarmSpec

T = TypeVar("T")
Spec = TypeVar("Spec", "NetworkSpec", "ServiceSpec", "SwarmSpec", "ConfigSpec", "SecretSpec")


def drift(before: ClusterState, after: ClusterState, *, hosts: frozenset[str] | None = None) -> Drift:
    """Return how ``after`` differs from ``before``; of the hosts' own networks only those of ``hosts``, None means all.

    Marks that tell who made a thing are swarmnet's own and never count.
    """
    unseen: list[str] = []
    found: list[Difference] = []
    if before.swarm is not None and after.swarm is not None:
        specs = _bare(before.swarm.spec), _bare(after.swarm.spec)
        found += _changed("swarm", _turned(swarm_changes(*specs, exact=True)))
        found += _objects("node", _nodes(before), _nodes(after), _node_changes)
        found += _objects("network", _swarm_networks(before), _swarm_networks(after), _network_changes)
        services = _services(before, after.nodes), _services(after, after.nodes)
        found += _objects("service", *services, _service_changes)
        found += _objects("config", _configs(before), _configs(after), _config_changes)
        found += _objects("secret", _secrets(before), _secrets(after), _secret_changes)
    elif before.swarm is not None or after.swarm is not None:
        unseen.append("the swarm: no manager answered in one of the two")
    seen_before, seen_after = ({facts.host for facts in state.hosts} for state in (before, after))
    for host in sorted((seen_before | seen_after) if hosts is None else hosts):
        if host in seen_before & seen_after:
            local = _local_networks(before, after, host), _local_networks(after, before, host)
            found += _objects("network", *local, _network_changes)
        else:
            unseen.append(f"host {host}: seen in one of the two only")
    return Drift(differences=tuple(found), unseen=tuple(unseen))


def _objects(
    word: str, before: Mapping[str, T], after: Mapping[str, T], changes: Callable[[T, T], tuple[Change, ...]]
) -> Iterable[Difference]:
    for name in sorted({*before, *after}):
        if name not in after:
            yield Difference(object=f"{word} {name}", kind=Kind.MISSING)
        elif name not in before:
            yield Difference(object=f"{word} {name}", kind=Kind.ADDED)
        else:
            yield from _changed(f"{word} {name}", changes(before[name], after[name]))


def _changed(name: str, changes: tuple[Change, ...]) -> Iterable[Difference]:
    if changes:
        yield Difference(object=name, kind=Kind.CHANGED, changes=changes)


def _swarm_networks(state: ClusterState) -> dict[str, Network]:
    """Return the swarm's networks, the ingress included: somebody may have made it anew in another form."""
    return {
        network.spec.name.lower(): _bare_network(network)
        for network in state.networks
        if network.spec.ingress or not network.predefined
    }


def _local_networks(state: ClusterState, other: ClusterState, host: str) -> dict[str, Network]:
    """Return a host's own networks; the bridge that engines make as they enter a swarm counts where both have it."""
    facts, others = state.facts(host), other.facts(host)
    both = {GATEWAY} if others is not None and any(net.spec.name == GATEWAY for net in others.networks) else set()
    networks = () if facts is None else facts.networks
    return {
        f"{network.spec.name} on {host}": _bare_network(network)
        for network in networks
        if network.spec.effective_scope is Scope.LOCAL and (not network.predefined or network.spec.name in both)
    }


def _nodes(state: ClusterState) -> dict[str, NodeSpec]:
    """Return the nodes by inventory name where it is known; of two entries of one host the living one counts."""
    names = {facts.engine.membership.node_id: facts.host for facts in state.hosts}
    ordered = sorted(state.nodes, key=lambda node: node.status == "ready")
    return {names.get(node.id, node.hostname): node.spec for node in ordered}


def _services(state: ClusterState, nodes: tuple[Node, ...]) -> dict[str, ServiceSpec]:
    return {service.spec.name: by_hostname(_bare(service.spec), nodes) for service in state.services}


def _configs(state: ClusterState) -> dict[str, ConfigSpec]:
    return {config.spec.name: _bare(config.spec) for config in state.configs if not is_lock(config.spec.name)}


def _secrets(state: ClusterState) -> dict[str, SecretSpec]:
    return {secret.spec.name: _bare(secret.spec) for secret in state.secrets}


def _bare(spec: Spec) -> Spec:
    return spec.model_copy(update={"labels": unmarked(spec.labels)})


def _bare_network(network: Network) -> Network:
    return network.model_copy(update={"spec": _bare(network.spec)})


def is_lock(name: str) -> bool:
    """Tell whether a config is the lock of a running swarmnet, which is no part of the cluster's shape."""
    return name == LOCK_NAME


def _network_changes(before: Network, after: Network) -> tuple[Change, ...]:
    changes = network_changes(before.spec, after.spec, exact=True)
    if before.allocated == after.allocated:
        return _turned(changes)
    return (*_turned(changes), Change(path="allocated", before=before.allocated, after=after.allocated))


def _node_changes(before: NodeSpec, after: NodeSpec) -> tuple[Change, ...]:
    return _turned(node_changes(before, after, exact=True))


def _service_changes(before: ServiceSpec, after: ServiceSpec) -> tuple[Change, ...]:
    return _turned(service_changes(before, after, exact=True))


def _config_changes(before: ConfigSpec, after: ConfigSpec) -> tuple[Change, ...]:
    changes = _labels(before.labels, after.labels)
    if before.data == after.data:
        return changes
    return (Change(path="data", before=content(before.data), after=content(after.data)), *changes)


def _secret_changes(before: SecretSpec, after: SecretSpec) -> tuple[Change, ...]:
    return _labels(before.labels, after.labels)


def _labels(before: Labels, after: Labels) -> tuple[Change, ...]:
    return tuple(
        Change(path=f"labels.{key}", before=before.get(key), after=after.get(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    )


def _turned(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Return changes from the first look to the second; the comparison tells the way back to the first."""
    return tuple(change.model_copy(update={"before": change.after, "after": change.before}) for change in changes)
