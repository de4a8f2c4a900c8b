"""The JSON document of a cluster at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from swarmnet.model.redaction import Cover
from swarmnet.model.standing import believed, failing_of, promoted, running_of, strangers
from swarmnet.model.swarm import NodeSpec
from swarmnet.report.cluster import (
    data_paths,
    host_names,
    images_of,
    is_outside,
    nodes_by_name,
    ports_of,
    services_by_name,
)
from swarmnet.report.documents.base import Entry, FailureEntry, JsonValue, Output, Text, failure_entries
from swarmnet.report.documents.lock import LockEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.announced_losses import Standing
    from swarmnet.model.backup_age import BackupAge
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.network import Network
    from swarmnet.model.service import Service
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node


class StandingEntry(Entry):
    """How the cluster is."""

    health: str = Field(description="healthy, degraded, lost, or no swarm.")
    managers: int
    answering: int
    spare: int | None = Field(description="Managers that may be lost before the quorum is.")
    reasons: list[str]
    next: str | None = Field(description="What to do.")


class NodeEntry(Entry):
    """One node of the swarm."""

    id: str
    host: str | None = Field(description="Its name in the inventory.")
    hostname: str
    role: str | None
    availability: str | None
    status: str
    reachability: str | None
    leader: bool
    engine: str
    address: str
    data_path: str | None = Field(
        description="The address between which its overlays go, where that is another one; null elsewhere, and where"
        " it is not known."
    )
    labels: JsonValue


class NetworkEntry(Entry):
    """One network of the swarm."""

    id: str
    name: str
    driver: str
    subnets: list[str]
    vnis: list[int]
    attachable: bool
    internal: bool
    encrypted: bool
    ingress: bool
    allocated: bool


class PortEntry(Entry):
    """One published port."""

    published: int | None
    target: int
    protocol: str
    mode: Literal["ingress", "host"]


class ServiceEntry(Entry):
    """One service."""

    id: str
    name: str
    mode: str
    image: str
    running: int
    desired: int
    failing: list[str]
    networks: list[str]
    ports: list[PortEntry]
    update_state: str | None = Field(
        description="The engine's word: updating, paused, completed, rollback_started, rollback_paused or"
        " rollback_completed; null where it was never updated."
    )
    update_message: str | None = Field(description="What the engine says of it.")
    images: dict[str, int] = Field(description="Of the tasks that run, each with their number.")


class BackupAgeEntry(Entry):
    """The newest complete backup of the cluster."""

    place: Text = Field(description="Where it was looked for.")
    newest: str | None = Field(description="ISO 8601; null where there is none.")
    age: float | None = Field(description="Seconds.")
    max_age: int | None = Field(description="Seconds; null where neither a schedule nor --max-age says so.")
    overdue: bool
    scheduled: bool = Field(description="True where a schedule of this user takes backups of the cluster.")
    problem: Text | None = Field(description="Why it is not known.")


class StatusDocument(Output):
    """What ``status --json`` prints."""

    cluster: str
    swarm: str | None = Field(description="Its id.")
    standing: StandingEntry
    nodes: list[NodeEntry]
    networks: list[NetworkEntry]
    services: list[ServiceEntry]
    locked: list[str] = Field(description="Hosts whose engine waits for the swarm's unlock key.")
    outside: list[str] = Field(description="Hosts that answer and are not in this swarm.")
    not_in_inventory: list[str]
    promoted: list[str] = Field(description="Managers of the swarm that are workers in the inventory.")
    locks: list[LockEntry]
    failures: list[FailureEntry]
    backups: BackupAgeEntry | None


def status_document(
    state: ClusterState,
    inventory: Inventory,
    locks: list[LockEntry],
    cover: Cover | None = None,
    *,
    backups: BackupAge | None = None,
) -> StatusDocument:
    """Return the cluster for programs; ``locks`` are those of other runs, ``cover`` hides values of labels."""
    names, paths = host_names(state), data_paths(state)
    return StatusDocument(
        schema_=1,
        cluster=inventory.cluster,
        swarm=None if state.swarm is None else state.swarm.id,
        standing=_standing(believed(state, inventory)),
        nodes=[_node(node, names, paths, cover or Cover()) for node in nodes_by_name(state)],
        networks=[_network(network) for network in sorted(state.networks, key=lambda one: one.spec.name)],
        services=[_service(service, state) for service in services_by_name(state)],
        locked=list(state.locked),
        outside=[facts.host for facts in state.hosts if is_outside(facts.host, state)],
        not_in_inventory=list(strangers(state, inventory)),
        promoted=list(promoted(state, inventory)),
        locks=locks,
        failures=failure_entries(state.failures),
        backups=None if backups is None else _backups(backups),
    )


def _backups(age: BackupAge) -> BackupAgeEntry:
    return BackupAgeEntry(
        place=age.place,
        newest=None if age.newest is None else age.newest.isoformat(),
        age=age.seconds,
        max_age=age.max_age,
        overdue=age.overdue,
        scheduled=age.is_scheduled,
        problem=age.problem,
    )


def _standing(found: Standing) -> StandingEntry:
    return StandingEntry(
        health=found.health.value,
        managers=found.managers,
        answering=found.answering,
        spare=found.spare,
        reasons=list(found.reasons),
        next=found.cure,
    )


def _node(node: Node, names: Mapping[str, str], paths: Mapping[str, str], cover: Cover) -> NodeEntry:
    return NodeEntry(
        id=node.id,
        host=names.get(node.id),
        hostname=node.hostname,
        role=None if node.spec.role is None else node.spec.role.value,
        availability=None if node.spec.availability is None else node.spec.availability.value,
        status=node.status,
        reachability=node.reachability,
        leader=node.is_leader,
        engine=node.engine_version,
        address=node.address,
        data_path=paths.get(node.id),
        labels=cover.value(NodeSpec, "labels", {**node.spec.labels}),
    )


def _network(network: Network) -> NetworkEntry:
    return NetworkEntry(
        id=network.id,
        name=network.spec.name,
        driver=network.spec.driver,
        subnets=[one.subnet for one in network.spec.subnets],
        vnis=list(network.vnis),
        attachable=bool(network.spec.attachable),
        internal=bool(network.spec.internal),
        encrypted=bool(network.spec.encrypted),
        ingress=bool(network.spec.ingress),
        allocated=network.allocated,
    )


def _service(service: Service, state: ClusterState) -> ServiceEntry:
    running, wanted = running_of(service, state)
    return ServiceEntry(
        id=service.id,
        name=service.spec.name,
        mode=service.spec.mode.value,
        image=service.spec.image,
        running=running,
        desired=wanted,
        failing=list(failing_of(service, state)),
        networks=[at.network for at in service.spec.networks or ()],
        ports=[
            PortEntry(published=one.published, target=one.target, protocol=one.protocol.value, mode=one.mode.value)
            for one in ports_of(service, state)
        ],
        update_state=service.update_state,
        update_message=service.update_message,
        images=images_of(service, state),
    )
