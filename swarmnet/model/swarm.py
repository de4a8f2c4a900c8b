"""The swarm, its nodes, configs and secrets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictInt

from swarmnet.model.base import Count, Document, Flag, JsonObject, Labels, Secret
from swarmnet.model.codecs import BYTES, FLAG, INTEGER, MERGED_LABELS, POOLS, SECONDS, TEXT, Word
from swarmnet.model.fields import Effect, EngineField
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.network import Prefix

LEAVE = "docker swarm leave && systemctl restart docker"
"""How people make a worker leave its swarm for good; without ``--force``, since a manager that leaves may take the last
copy of the swarm's state with it, and engines refuse that.

An engine that leaves while tasks run, and while others leave, too, may go on with the old swarm's gossip and its keys
in the next one (seen on 20.10 and 26.1; not on 28.5): its overlays then carry nothing until it is restarted.
"""


class SwarmSpec(Document):
    """What a swarm should be; None means not managed (the engine's default at init)."""

    default_addr_pool: Annotated[
        tuple[Prefix, ...] | None, EngineField("../DefaultAddrPool", POOLS, ["10.0.0.0/8"], Effect.REPLACE)
    ] = None
    """Set by init for good; the engine's own default is 10.0.0.0/8."""
    subnet_size: Annotated[StrictInt | None, EngineField("../SubnetSize", INTEGER, 24, Effect.REPLACE)] = Field(
        default=None, ge=1, le=29
    )
    """Set by init for good; the engine's own default is 24."""
    data_path_port: Annotated[StrictInt | None, EngineField("../DataPathPort", INTEGER, 4789, Effect.REPLACE)] = Field(
        default=None, ge=1024, le=49151
    )
    """Set by init for good; the engine's own default is 4789."""
    task_history: Annotated[StrictInt | None, EngineField("Orchestration/TaskHistoryRetentionLimit", INTEGER, 5)] = None
    """Ended tasks that are kept for each slot; a negative number keeps all of them."""
    cert_expiry: Annotated[float | None, EngineField("CAConfig/NodeCertExpiry", SECONDS, 7776000.0)] = Field(
        default=None, ge=3600
    )
    """Seconds; the engine's own default is 90 days, its minimum one hour."""
    heartbeat: Annotated[float | None, EngineField("Dispatcher/HeartbeatPeriod", SECONDS, 5.0)] = Field(
        default=None, ge=0
    )
    """Seconds between a node's heartbeats; the engine's own default is 5."""
    snapshot_interval: Annotated[Count | None, EngineField("Raft/SnapshotInterval", INTEGER, 10000)] = None
    """Entries of the managers' log between snapshots; the engine's own default is 10000."""
    autolock: Annotated[Flag | None, EngineField("EncryptionConfig/AutoLockManagers", FLAG, default=False)] = None
    """True encrypts the managers' disks: a manager that restarts waits for the unlock key."""
    labels: Annotated[Labels, EngineField("Labels", MERGED_LABELS, hidden=True)] = Field(default_factory=dict)
    """Labels of the swarm."""
    extra: JsonObject = Field(default_factory=dict)
    """Parts of the engine's spec without a field here; sent back unchanged, since an update replaces the whole spec."""


class Swarm(Document):
    """A swarm as seen on a manager."""

    id: str
    version: int
    spec: SwarmSpec
    root_rotation: bool = False
    """True while the CA is being rotated."""
    ca_digest: str = ""
    """SHA-256 of the trust root's PEM: tells two swarms apart without an id."""


class Rotation(StrEnum):
    """A secret of the swarm that is replaced."""

    TOKENS = "tokens"
    """Both tokens with which hosts join."""
    CA = "ca"
    """The certificate authority, and with it the certificate of every node."""
    UNLOCK_KEY = "unlock-key"
    """The key of an autolocked swarm."""


class NodeSpec(Document):
    """What a node should be; None means not managed."""

    role: Annotated[Role | None, EngineField("Role", Word(Role))] = None
    """manager or worker."""
    availability: Annotated[Availability | None, EngineField("Availability", Word(Availability))] = None
    """active, pause or drain."""
    labels: Annotated[Labels, EngineField("Labels", MERGED_LABELS, hidden=True)] = Field(default_factory=dict)
    """Labels of the node."""


class NodeResources(Document):
    """What a node has, before anything is reserved."""

    cpus: float
    memory: int
    """Bytes."""
    generic: dict[str, int] = Field(default_factory=dict)
    """How many of each kind of resource that its daemon.json names."""


class Node(Document):
    """A node as seen on a manager. Identity is the id: names repeat after a re-join (moby#24106)."""

    id: str
    version: int
    hostname: str
    spec: NodeSpec
    status: str
    """ready, down, unknown, disconnected."""
    address: str
    reachability: str | None = None
    """Managers only: reachable, unreachable, unknown."""
    is_leader: bool = False
    manager_address: str | None = None
    engine_version: str = ""
    platform: str = ""
    engine_labels: Labels = Field(default_factory=dict)
    resources: NodeResources | None = Field(default=None, exclude=True)
    """None where the node has not reported any yet. In no backup."""
    ca_digest: str = Field(default="", exclude=True)
    """SHA-256 of the PEM of the trust root that it reports. In no backup."""

    @property
    def name(self) -> str:
        """What to call it: its hostname, or its id where its host died before it reported one (seen on 26.1)."""
        return self.hostname or self.id


class ConfigSpec(Document):
    """A config: readable by everyone who can ask the engine."""

    name: Annotated[str, EngineField("Name", TEXT, identity=True)]
    """The object's own name."""
    data: Annotated[bytes, EngineField("Data", BYTES, effect=Effect.REPLACE)] = Field(repr=False)
    """Shown in no trace: people put passwords into configs."""
    labels: Annotated[Labels, EngineField("Labels", MERGED_LABELS, hidden=True)] = Field(default_factory=dict)
    """Labels of the config."""
    extra: JsonObject = Field(default_factory=dict)
    """Parts of the engine's spec without a field here, in the engine's own JSON."""


class SecretSpec(Document):
    """A secret's outside: the engine never gives its data back."""

    name: Annotated[str, EngineField("Name", TEXT, identity=True)]
    """The object's own name."""
    labels: Annotated[Labels, EngineField("Labels", MERGED_LABELS, hidden=True)] = Field(default_factory=dict)
    """Labels of the secret."""
    extra: JsonObject = Field(default_factory=dict)
    """Parts of the engine's spec without a field here, in the engine's own JSON."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret to create."""

    spec: SecretSpec
    data: Secret


class Config(Document):
    """A config as seen on a manager."""

    id: str
    version: int
    spec: ConfigSpec


class StoredSecret(Document):
    """A secret as seen on a manager, without its data."""

    id: str
    version: int
    spec: SecretSpec
