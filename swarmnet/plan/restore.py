"""A backup and the hosts that shall carry it, to steps that the same planner, guard and executor as apply's take.

Order: swarm, nodes, local networks of each host (config-only ones are needed by others), swarm networks (explicit
blocks are pinned: what the allocator once chose is written out, gateways too), configs, secrets, services.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import IncompleteError, RefusedError
from swarmnet.model.compare import INIT_ONLY
from swarmnet.model.network import Network, NetworkSpec, Scope
from swarmnet.model.plan import unmarked
from swarmnet.model.restored import Skip
from swarmnet.operations.ingress import RestoredIngress, customised, ingress_of, obstacle
from swarmnet.operations.network import NetworkOperation
from swarmnet.operations.playbook import Playbook, Step
from swarmnet.operations.restored import RestoredConfig, RestoredSecret, RestoredService
from swarmnet.operations.swarm import SwarmOperation
from swarmnet.plan.drift import is_lock
from swarmnet.plan.moving import host_map, moved, places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.base import Secret
    from swarmnet.model.hosts import Host, Inventory
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node, SwarmSpec


@dataclass(frozen=True, slots=True)
class Restoration:
    """What shall be, in the words of a playbook, on the inventory enriched with the labels of the old nodes."""

    document: BackupDocument
    playbook: Playbook
    inventory: Inventory
    skips: tuple[Skip, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the operator decides."""

    mapping: Mapping[str, str]
    """Old host name to new host name; hosts of the same name need no word."""
    secrets: Mapping[str, Secret]
    """Data of secrets by name."""
    allow_partial: bool = False
    unlock_key_file: str | None = None
    """Where the new swarm's unlock key is kept; without it, autolock is not switched on."""
    limit: tuple[str, ...] = ()
    """Selectors of the hosts that may be changed; none means all."""


def restoration(document: BackupDocument, inventory: Inventory, state: ClusterState, choices: Choices) -> Restoration:
    """Return the steps that bring the backup back onto these hosts.

    Raises:
        UsageError: a mapping names hosts that do not exist, or one new host twice.
        IncompleteError: the backup is partial and that was not allowed, or holds nothing to restore.
        RefusedError: an engine is older than all that the backup was taken from.
    """
    _worth_it(document, choices)
    _new_enough(document, state)
    hosts = host_map(document.completeness.hosts, (host.name for host in inventory.hosts), choices.mapping)
    chosen = {host.name for host in inventory.select(choices.limit).hosts}
    ingress, ingress_skips = _ingress(document, state)
    skips = [*_unmapped(document, hosts, chosen), *_networks_left_out(document), *ingress_skips]
    skips += _autolock_left_out(document, state, choices)
    kept, service_skips = _services(document, state, choices, places(document.state, state, hosts))
    steps = (
        *_swarm(document, state, choices),
        *ingress,
        *_local_networks(document, hosts),
        *_swarm_networks(document),
        *_configs(document),
        *_secrets(document, choices),
        *(Step(operation=RestoredService(spec=spec)) for spec in kept),
    )
    enriched, warnings = _enriched(document, inventory, hosts)
    return Restoration(
        document=document,
        playbook=Playbook(
            name=f"restore of {document.cluster}",
            steps=steps,
            restore=document.id,
            source=f"<backup {document.id[:8]}>",
        ),
        inventory=enriched,
        skips=(*skips, *service_skips),
        warnings=warnings,
    )


def _worth_it(document: BackupDocument, choices: Choices) -> None:
    if not document.completeness.complete and not choices.allow_partial:
        missing = ", ".join(failure.host for failure in document.completeness.failures) or "the swarm itself"
        raise IncompleteError(
            f"the backup is partial: {missing} could not be read",
            hint="take a complete one (`swarmnet backup list`), or allow it with --allow-partial",
        )
    if document.state.swarm is None and not any(_wanted(facts.networks) for facts in document.state.hosts):
        raise IncompleteError("the backup holds nothing that could be restored")


def _new_enough(document: BackupDocument, state: ClusterState) -> None:
    needed = min((_api(facts.engine.api_version) for facts in document.state.hosts), default=(0,))
    old = [f"{facts.host} ({facts.engine.version})" for facts in state.hosts if _api(facts.engine.api_version) < needed]
    if old:
        raise RefusedError(
            f"older engines than those of the backup: {', '.join(old)}",
            hint="restore on the same engine version or a newer one",
        )


def _api(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _wanted(networks: Iterable[Network]) -> tuple[Network, ...]:
    """Return the networks that somebody made and that really exist, explicit ones of wide blocks first."""
    found = (net for net in networks if not net.predefined and not net.spec.ingress and net.allocated)
    return tuple(sorted(found, key=lambda net: (not net.spec.config_only, net.spec.name)))


def _swarm(document: BackupDocument, state: ClusterState, choices: Choices) -> Iterator[Step]:
    if document.state.swarm is not None:
        spec = document.state.swarm.spec
        fields = {name: getattr(spec, name) for name in type(spec).model_fields}
        fields |= {"labels": unmarked(spec.labels), **_left_to_engine(spec)}
        if spec.autolock and not _keeps_autolock(state, choices):
            fields["autolock"] = None
        key_file = choices.unlock_key_file if fields["autolock"] else None
        yield Step(operation=SwarmOperation(**fields, unlock_key_file=key_file))


def _keeps_autolock(state: ClusterState, choices: Choices) -> bool:
    """Tell whether autolock can be switched on, or is on: nobody may be left with locked managers and no key."""
    is_on = state.swarm is not None and state.swarm.spec.autolock is True
    return is_on or choices.unlock_key_file is not None


def _autolock_left_out(document: BackupDocument, state: ClusterState, choices: Choices) -> Iterator[Skip]:
    old = document.state.swarm
    if old is not None and old.spec.autolock and not _keeps_autolock(state, choices):
        why = "the new swarm has a new key, which needs a place: --unlock-key-file FILE"
        yield Skip(what="autolock", why=why)


def _ingress(document: BackupDocument, state: ClusterState) -> tuple[tuple[Step, ...], tuple[Skip, ...]]:
    """Return the step that brings a customised ingress network back, or why it is left as it is."""
    old = document.state.swarm
    if old is None:
        return (), ()
    network = ingress_of(document.state)
    if network is None:
        return (), (Skip(what="network ingress", why="the old swarm had none; the new swarm's own is left alone"),)
    if not network.allocated or not customised(network, old.spec):
        return (), ()
    spec = network.spec.model_copy(update={"labels": unmarked(network.spec.labels)})
    if reason := obstacle(spec, state):
        return (), (Skip(what="network ingress", why=f"{reason}; the present one is left as it is"),)
    return (Step(operation=RestoredIngress(spec=spec)),), ()


def _left_to_engine(spec: SwarmSpec) -> dict[str, None]:
    """Return the address pool as not written where it is the engine's own default.

    Engines report 10.0.0.0/8 whether or not somebody asked for it. Written out, it would clash with every underlay in
    10.x, on which the very same default works, since engines then only ask for single free blocks of it (seen on 26.1).
    """
    default = (list(spec.default_addr_pool or ()), spec.subnet_size)
    if default in (([], None), (INIT_ONLY["default_addr_pool"], INIT_ONLY["subnet_size"])):
        return {"default_addr_pool": None, "subnet_size": None}
    return {}


def _swarm_networks(document: BackupDocument) -> Iterator[Step]:
    for network in _wanted(document.state.networks):
        yield Step(operation=_network(network.spec))


def _local_networks(document: BackupDocument, hosts: Mapping[str, str]) -> Iterator[Step]:
    for facts in document.state.hosts:
        if facts.host in hosts:
            for network in _wanted(facts.networks):
                yield Step(operation=_network(network.spec), on=(hosts[facts.host],))


def _network(spec: NetworkSpec) -> NetworkOperation:
    """Return the step for a network as it was seen, without what engines echo and do not take back."""
    changes: dict[str, object] = {"labels": unmarked(spec.labels)}
    if not spec.ipv6:
        changes["subnets"] = tuple(block for block in spec.subnets if ":" not in block.subnet)
    if spec.effective_scope is Scope.LOCAL:
        changes["attachable"] = False
    if spec.config_from is not None:
        changes |= {"subnets": (), "options": {}, "ipam_options": {}, "ipv6": False, "labels": {}, "mtu": None}
    fields = {name: getattr(spec, name) for name in type(spec).model_fields}
    return NetworkOperation(**fields | changes)


def _networks_left_out(document: BackupDocument) -> Iterator[Skip]:
    for network in document.state.networks:
        if not network.allocated:
            yield Skip(what=f"network {network.spec.name}", why="it never had addresses when the backup was taken")


def _unmapped(document: BackupDocument, hosts: Mapping[str, str], chosen: set[str]) -> Iterator[Skip]:
    for name in document.completeness.hosts:
        if name not in hosts:
            yield Skip(what=f"host {name}", why="no host is mapped to it: its labels and local networks stay behind")
        elif hosts[name] not in chosen:
            yield Skip(what=f"host {name}", why=f"{hosts[name]} is left out by --limit")


def _secrets(document: BackupDocument, choices: Choices) -> Iterator[Step]:
    for secret in document.state.secrets:
        data = choices.secrets.get(secret.spec.name)
        if data is not None:
            spec = secret.spec.model_copy(update={"labels": unmarked(secret.spec.labels)})
            yield Step(operation=RestoredSecret(spec=spec, data=data))


def _services(
    document: BackupDocument, state: ClusterState, choices: Choices, where: Mapping[str, str]
) -> tuple[tuple[ServiceSpec, ...], tuple[Skip, ...]]:
    there = {secret.spec.name for secret in state.secrets}
    lacking = [s.spec.name for s in document.state.secrets if s.spec.name not in {*there, *choices.secrets}]
    skips = [Skip(what=f"secret {name}", why="its data is in no backup and was not given") for name in lacking]
    gone = {skip.what for skip in _networks_left_out(document)}
    kept: list[ServiceSpec] = []
    for service in sorted(document.state.services, key=lambda one: one.spec.name):
        spec = service.spec
        needs = [f"secret {one.source}" for one in spec.secrets or () if one.source in lacking]
        needs += [f"network {one.network}" for one in spec.networks or () if f"network {one.network}" in gone]
        if needs:
            skips.append(Skip(what=f"service {spec.name}", why=f"needs {', '.join(needs)}"))
            continue
        kept.append(moved(spec, where).model_copy(update={"labels": unmarked(spec.labels)}))
    return tuple(kept), tuple(skips)


def _enriched(
    document: BackupDocument, inventory: Inventory, hosts: Mapping[str, str]
) -> tuple[Inventory, tuple[str, ...]]:
    """Return the inventory with labels and availability of the old nodes, where it does not say otherwise itself."""
    nodes = {new: node for old, new in hosts.items() if (node := document.state.node_of(old)) is not None}
    warnings = tuple(
        f"{host.name} was {nodes[host.name].spec.role}; the inventory says {host.role}, which counts"
        for host in inventory.hosts
        if host.name in nodes and nodes[host.name].spec.role is not host.role
    )
    enriched = tuple(_with_node(host, nodes.get(host.name)) for host in inventory.hosts)
    return inventory.model_copy(update={"hosts": enriched}), warnings


def _with_node(host: Host, node: Node | None) -> Host:
    if node is None:
        return host
    availability = host.availability or node.spec.availability
    return host.model_copy(update={"labels": node.spec.labels | host.labels, "availability": availability})


def _configs(document: BackupDocument) -> Iterator[Step]:
    for config in document.state.configs:
        if not is_lock(config.spec.name):
            spec = config.spec.model_copy(update={"labels": unmarked(config.spec.labels)})
            yield Step(operation=RestoredConfig(spec=spec))
