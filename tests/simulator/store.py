"""What managers agree on: the raft store of one swarm, with versions that grow with every write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from swarmnet.errors import NotFoundError, StateChangedError
from tests.simulator.discovery import Discovery, End

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Network, IPv6Network

    from swarmnet.model.base import Secret
    from swarmnet.model.hosts import Role
    from swarmnet.model.network import NetworkSpec
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.swarm import ConfigSpec, NodeSpec, SecretSpec, SwarmSpec


@dataclass
class NodeRecord:
    id: str
    host: str
    spec: NodeSpec
    version: int
    address: str
    ready: bool = True
    unknown: bool = False
    """True right after an election: the new leader has not heard of the node yet."""
    in_raft: bool = True
    """False for a manager that the swarm does not count since it began again from another one."""


@dataclass
class NetworkRecord:
    id: str
    spec: NetworkSpec
    allocated: bool = False
    vnis: tuple[int, ...] = ()
    pools: tuple[IPv4Network | IPv6Network, ...] = ()
    predefined: bool = False
    leases: int = 1

    @property
    def has_room(self) -> bool:
        """True while there is an address for one more."""
        return not self.pools or self.leases + 1 < self.pools[0].num_addresses - 1

    def lease(self) -> str:
        """Return the next free address with its prefix length."""
        self.leases += 1
        if self.spec.on_lan:
            return f"192.0.2.{self.leases}/24"
        pool = self.pools[0]
        return f"{pool.network_address + self.leases}/{pool.prefixlen}"


@dataclass
class ServiceRecord:
    id: str
    spec: ServiceSpec
    version: int
    update_state: str | None = None
    previous: ServiceSpec | None = None
    restarts: dict[str, int] = field(default_factory=dict)
    """Tasks made instead of ended ones, by slot or node."""
    virtual_ips: dict[str, str] = field(default_factory=dict)
    run: int | None = None
    """Which run a job is at."""


@dataclass
class TaskRecord:
    id: str
    service_id: str | None
    node_id: str | None
    slot: int | None
    made_of: ServiceSpec | None = None
    """Its service as it was when the task was made; None for an attachment."""
    state: str = "new"
    desired_state: str = "running"
    message: str = ""
    ends: tuple[End, ...] = ()
    """Its places on networks, while it runs."""
    run: int | None = None
    stopped_for: int = 0
    """Ticks since it was asked to stop."""
    networks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    container_id: str | None = None

    @property
    def ended(self) -> bool:
        return self.state in ("complete", "shutdown", "failed", "rejected", "orphaned")


@dataclass
class FileRecord:
    id: str
    spec: ConfigSpec | SecretSpec
    version: int


Record = TypeVar("Record")


@dataclass
class Store:
    """One swarm's state. Only the rules change it."""

    id: str
    spec: SwarmSpec
    tokens: dict[Role, Secret]
    version: int = 10
    index: int = 10
    unlock_key: Secret | None = None
    roots: int = 0
    """How often the CA was rotated."""
    forced: int = 0
    """How many of these rotations were asked for without a CA that was given (``ForceRotate``)."""
    rotating: bool = False
    """True while the certificates of some nodes are of the CA before."""
    next_vni: int = 4097
    nodes: dict[str, NodeRecord] = field(default_factory=dict)
    networks: dict[str, NetworkRecord] = field(default_factory=dict)
    services: dict[str, ServiceRecord] = field(default_factory=dict)
    tasks: dict[str, TaskRecord] = field(default_factory=dict)
    configs: dict[str, FileRecord] = field(default_factory=dict)
    secrets: dict[str, FileRecord] = field(default_factory=dict)
    discovery: Discovery = field(default_factory=Discovery)

    def write(self) -> int:
        """Return the index of one more write."""
        self.index += 1
        return self.index

    def network_named(self, name: str) -> NetworkRecord | None:
        """Return the network; names are unique whatever their case."""
        return next((net for net in self.networks.values() if net.spec.name.lower() == name.lower()), None)


def find(host: str, records: Mapping[str, Record], key: str, kind: str) -> Record:
    """Return the record, or say 404 as the engine does."""
    if key not in records:
        raise NotFoundError(host, f"{kind} {key} not found", status=404)
    return records[key]


def check_version(host: str, present: int, reported: int) -> None:
    """Refuse a write that is based on an older look."""
    if present != reported:
        raise StateChangedError(host, "update out of sequence", status=500)
