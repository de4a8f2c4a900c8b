"""A backup and the hosts that carry it, to steps that the same planner, guard and executor as apply's take.

Order: the nodes' own bridges (before engines choose their blocks), swarm, nodes, local networks of each host
(configuration networks are needed by others), swarm networks (explicit blocks are pinned: what the allocator once chose
is written out, gateways too), the places of containers on these (before tasks take their addresses), configs, secrets,
services.

What an engine held comes back, also where playbooks may not write it. What cannot is skipped by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import IncompleteError, RefusedError
from swarmnet.model.compare import INIT_ONLY
from swarmnet.model.hosts import NO_ROLE
from swarmnet.model.plan import Skip, unmarked
from swarmnet.model.ref import Ref
from swarmnet.model.version import ApiVersion
from swarmnet.operations.content.kinds import is_lock
from swarmnet.operations.network.ingress import RestoredIngress, customised, ingress_of, obstacle
from swarmnet.operations.playbook import Playbook, Step
from swarmnet.operations.service.networks import PREDEFINED
from swarmnet.operations.service.restored import RestoredConfig, RestoredSecret, RestoredService
from swarmnet.operations.swarm.restored import RestoredSwarm
from swarmnet.plan.recovery.describe import IDLE
from swarmnet.plan.recovery.endpoints import absent_containers, endpoint_steps
from swarmnet.plan.recovery.host_map import Places, host_map, moved, places
from swarmnet.plan.recovery.networks import Networks, is_there_to_restore
from swarmnet.plan.recovery.selection import Selection, needs_of, selection
from swarmnet.plan.recovery.volumes import volume_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.base import JsonObject, Secret
    from swarmnet.model.hosts import Host, Inventory
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node, SwarmSpec


INGRESS = Ref(kind="network", name="ingress")
SIGNING = ("SigningCACert", "SigningCAKey")


@dataclass(frozen=True, slots=True)
class Restoration:
    """The wish, in the words of a playbook, on the inventory enriched with the labels of the old nodes."""

    document: BackupDocument
    playbook: Playbook
    inventory: Inventory
    skips: tuple[Skip, ...]
    """What is left out for a reason of its own; what differs afterwards is found by comparing (``plan.left``)."""
    warnings: tuple[str, ...]
    hosts: Mapping[str, str]
    """Old host names to new ones."""
    selection: Selection

    def is_left_out(self, ref: Ref) -> bool:
        """Return whether the operator left an object out, which may have the name of the new cluster."""
        old_names = {new: old for old, new in self.hosts.items()}
        name = old_names.get(ref.name, ref.name) if ref.kind == "node" else ref.name
        return any((kind, other.lower()) == (ref.kind, name.lower()) for kind, other in self.selection.left_out)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the operator decides."""

    mapping: Mapping[str, str]
    """Old host name to new host name; hosts with the same name need no entry."""
    secrets: Mapping[str, Secret]
    """Data of secrets by name."""
    allow_partial: bool = False
    unlock_key_file: str | None = None
    """Where the new swarm's unlock key is kept; without it, autolock is not switched on."""
    limit: tuple[str, ...] = ()
    """Selectors of the hosts that may be changed; none means all."""
    only: tuple[str, ...] = ()
    """``KIND/NAME`` of what is restored, with what it needs; none means all."""
    exclude: tuple[str, ...] = ()
    """``KIND/NAME`` of what is left out."""


def restoration(document: BackupDocument, inventory: Inventory, state: ClusterState, choices: Choices) -> Restoration:
    """Return the steps that bring the backup back onto these hosts.

    Raises:
        UsageError: a mapping names hosts that do not exist, or one new host twice; a selection names nothing.
        IncompleteError: the backup is partial and that was not allowed, or holds nothing to restore.
        RefusedError: an engine is older than all that the backup was taken from.
    """
    _worth_it(document, choices)
    _new_enough(document, state)
    chosen = selection(document, choices.only, choices.exclude)
    hosts = host_map(document.completeness.hosts, (host.name for host in inventory.hosts), choices.mapping)
    limited = {host.name for host in inventory.select(choices.limit).hosts}
    networks = Networks(document, inventory, state, hosts, chosen)
    ingress, ingress_skips = _ingress(document, state) if chosen.takes("network", "ingress") else ((), ())
    skips = [*_unmapped(document, hosts, limited), *networks.left_out(), *ingress_skips]
    skips += _autolock_left_out(document, state, choices)
    case = _Case(document, state, choices, chosen)
    where = places(document.state, state, hosts, inventory)
    kept, service_skips = case.services(where, networks)
    endpoints, missing = endpoint_steps(document, state, hosts, chosen)
    skips += absent_containers(document, state, hosts)
    volumes, volume_skips = volume_steps(document, state, hosts, chosen)
    steps = (
        *networks.gateways(),
        *_swarm(case, networks.routes),
        *ingress,
        *networks.local(),
        *networks.swarm(),
        *endpoints,
        *case.configs(),
        *case.secrets(),
        *volumes,
        *kept,
    )
    enriched, warnings = _enriched(document, inventory, hosts, chosen)
    return Restoration(
        document=document,
        playbook=Playbook(
            name=f"restore of {document.cluster}",
            steps=steps,
            restore=document.id,
            source=f"<backup {document.id[:8]}>",
        ),
        inventory=enriched,
        skips=(*skips, *volume_skips, *service_skips),
        warnings=(*warnings, *missing, *_moves(document, where)),
        hosts=hosts,
        selection=chosen,
    )


def _worth_it(document: BackupDocument, choices: Choices) -> None:
    if not document.completeness.complete and not choices.allow_partial:
        missing = ", ".join(failure.host for failure in document.completeness.failures) or "the swarm itself"
        raise IncompleteError(
            f"the backup is partial: {missing} could not be read",
            hint="take a complete one (`swarmnet backup list`), or allow it with --allow-partial",
        )
    if not is_there_to_restore(document):
        raise IncompleteError("the backup holds nothing that could be restored")


def _new_enough(document: BackupDocument, state: ClusterState) -> None:
    needed = min((facts.engine.api for facts in document.state.hosts), default=ApiVersion(0, 0))
    old = [f"{facts.host} ({facts.engine.version})" for facts in state.hosts if facts.engine.api < needed]
    if old:
        raise RefusedError(
            f"older engines than those of the backup: {', '.join(old)}",
            hint="restore on the same engine version or a newer one",
        )


def _swarm(case: _Case, routes: frozenset[str]) -> Iterator[Step]:
    old, state = case.document.state.swarm, case.state
    if old is None or (state.swarm is not None and not case.chosen.takes("swarm")):
        return
    if not case.chosen.takes("swarm"):  # nothing else can come back without one: as the engine makes it
        yield Step(operation=RestoredSwarm(tolerated=routes))
        return
    spec = old.spec
    fields = {name: getattr(spec, name) for name in type(spec).model_fields}
    fields |= {"labels": unmarked(spec.labels), "extra": _replayable(spec.extra), **_left_to_engine(spec)}
    if state.swarm is not None:
        fields |= dict.fromkeys(INIT_ONLY)
    if spec.autolock and not _keeps_autolock(state, case.choices):
        fields["autolock"] = None
    key_file = case.choices.unlock_key_file if fields["autolock"] else None
    yield Step(operation=RestoredSwarm(**fields, unlock_key_file=key_file, tolerated=routes))


def _replayable(extra: JsonObject) -> JsonObject:
    """Return the swarm's own JSON without what would create a new CA now, or a key that engines never return."""
    authority = extra.get("CAConfig")
    if not isinstance(authority, dict):
        return extra
    left = {name: value for name, value in authority.items() if name not in ("ForceRotate", *SIGNING)}
    others = {name: value for name, value in extra.items() if name != "CAConfig"}
    return others | ({"CAConfig": left} if left else {})


def _keeps_autolock(state: ClusterState, choices: Choices) -> bool:
    """Return whether autolock can be switched on, or is on: locked managers without a key would be lost."""
    is_on = state.swarm is not None and state.swarm.spec.autolock is True
    return is_on or choices.unlock_key_file is not None


def _autolock_left_out(document: BackupDocument, state: ClusterState, choices: Choices) -> Iterator[Skip]:
    old = document.state.swarm
    if old is not None and old.spec.autolock and not _keeps_autolock(state, choices):
        why = "the new swarm has a new key, which needs a place: --unlock-key-file FILE"
        yield Skip(object=Ref(kind="swarm"), field="autolock", why=why)


def _ingress(document: BackupDocument, state: ClusterState) -> tuple[tuple[Step, ...], tuple[Skip, ...]]:
    """Return the step that brings a customised ingress network back, or why it is left as it is."""
    old = document.state.swarm
    if old is None:
        return (), ()
    network = ingress_of(document.state)
    if network is None:
        return (), (
            Skip(
                object=INGRESS,
                why="the old swarm had none; that of the new swarm stays",
            ),
        )
    if not network.allocated or not customised(network, old.spec):
        return (), ()
    spec = network.spec.model_copy(update={"labels": unmarked(network.spec.labels)})
    if reason := obstacle(spec, state):
        return (), (Skip(object=INGRESS, why=f"{reason}; the present one is left as it is"),)
    return (Step(operation=RestoredIngress(spec=spec)),), ()


def _left_to_engine(spec: SwarmSpec) -> dict[str, None]:
    """Return the address pool as not written where it is the engine's own default, which 26.1 and later do not show.

    Others report 10.0.0.0/8 also where no one asked for it. Written out, it would clash with every underlay in
    10.x, on which the very same default works, since engines then only ask for single free blocks of it (seen on 26.1).
    """
    pool = list(spec.default_addr_pool or ())
    if pool == INIT_ONLY["default_addr_pool"] and spec.subnet_size in (None, INIT_ONLY["subnet_size"]):
        return {"default_addr_pool": None, "subnet_size": None}
    # A size without a pool does nothing, and engines from 26.1 on show it, since the docker command always sends it.
    return {} if pool else {"default_addr_pool": None}


def _unmapped(document: BackupDocument, hosts: Mapping[str, str], chosen: set[str]) -> Iterator[Skip]:
    for name in document.completeness.hosts:
        if name not in hosts:
            yield Skip(
                object=Ref(kind="host", name=name),
                why="no host is mapped to it: its labels and local networks are not restored",
            )
        elif hosts[name] not in chosen:
            yield Skip(object=Ref(kind="host", name=name), why=f"{hosts[name]} is left out by --limit")


@dataclass(frozen=True, slots=True)
class _Case:
    """One backup, and what is chosen of it for one cluster."""

    document: BackupDocument
    state: ClusterState
    choices: Choices
    chosen: Selection

    def configs(self) -> Iterator[Step]:
        for config in self.document.state.configs:
            if not is_lock(config.spec.name) and self.chosen.takes("config", config.spec.name):
                spec = config.spec.model_copy(update={"labels": unmarked(config.spec.labels)})
                yield Step(operation=RestoredConfig(spec=spec))

    def secrets(self) -> Iterator[Step]:
        for secret in self.document.state.secrets:
            data = self.choices.secrets.get(secret.spec.name)
            if data is not None and self.chosen.takes("secret", secret.spec.name):
                spec = secret.spec.model_copy(update={"labels": unmarked(secret.spec.labels)})
                yield Step(operation=RestoredSecret(spec=spec, data=data))

    def services(self, where: Places, networks: Networks) -> tuple[tuple[Step, ...], tuple[Skip, ...]]:
        """Return the services as steps, and those that lack something."""
        there = {secret.spec.name for secret in self.state.secrets}
        old = {secret.spec.name for secret in self.document.state.secrets}
        missing = sorted(name for name in old if name not in {*there, *self.choices.secrets})
        chosen = [name for name in missing if self.chosen.takes("secret", name)]
        skips = [
            Skip(object=Ref(kind="secret", name=name), why="its data is in no backup and was not given")
            for name in chosen
        ]
        available = self._available(networks)
        idle = {loss.what for loss in self.document.losses if loss.kind == IDLE}
        steps: list[Step] = []
        for service in sorted(self.document.state.services, key=lambda one: one.spec.name):
            spec = service.spec
            if not self.chosen.takes("service", spec.name):
                continue
            if needs := sorted(" ".join(need) for need in needs_of(spec) - available):
                skips.append(Skip(object=Ref(kind="service", name=spec.name), why=f"needs {', '.join(needs)}"))
                continue
            wanted = moved(spec, where).model_copy(update={"labels": unmarked(spec.labels)})
            operation = RestoredService(spec=wanted, wait=spec.name not in idle)
            steps.append(Step(operation=operation, together="services"))
        return tuple(steps), tuple(skips)

    def _available(self, networks: Networks) -> frozenset[tuple[str, str]]:
        """Return what services can name: what is there, and what comes back before them."""
        state = self.state
        made = (step.operation for step in (*networks.swarm(), *self.configs(), *self.secrets()))
        found = {place for operation in made for place in operation.provides()}
        found |= {("network", name) for name in (*PREDEFINED, *(net.spec.name for net in state.networks))}
        found |= {("config", one.spec.name) for one in state.configs}
        return frozenset(found | {("secret", one.spec.name) for one in state.secrets})


def _moves(document: BackupDocument, where: Places) -> Iterator[str]:
    """Yield the constraints that name nodes otherwise than in the backup."""
    for service in document.state.services:
        for constraint in service.spec.constraints or ():
            if (now := where.of(constraint)) != constraint:
                yield f"service {service.spec.name}: the constraint {constraint} becomes {now}"


def _enriched(
    document: BackupDocument, inventory: Inventory, hosts: Mapping[str, str], chosen: Selection
) -> tuple[Inventory, tuple[str, ...]]:
    """Return the inventory with labels and availability of the old nodes, where it does not say otherwise itself."""
    nodes = {
        new: node
        for old, new in hosts.items()
        if (node := document.state.node_of(old)) is not None and chosen.takes("node", old)
    }
    warnings = tuple(
        f"{host.name} was {nodes[host.name].spec.role}; the inventory says {host.role or NO_ROLE}, which counts"
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
