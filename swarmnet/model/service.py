"""Services: what is wanted, and what was seen. None in a wanted spec means not managed, at any depth.

Each field has its line (:class:`swarmnet.model.fields.EngineField`). To give a field to a part of the engine's spec
that is in ``extra`` today, add its line: backups that were taken before are read with it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from swarmnet.model.base import Count, Document, JsonObject, Labels
from swarmnet.model.codecs import (
    CONSTRAINTS,
    INTEGER,
    MERGED_LABELS,
    RATIO,
    SECONDS,
    SECONDS_OR_UNSET,
    Word,
)
from swarmnet.model.container_parts import CredentialSpec, Dns, Healthcheck, Seccomp, SELinux, Ulimit
from swarmnet.model.engine_json import Part
from swarmnet.model.fields import Effect, EngineField, Plain
from swarmnet.model.placement_codecs import PLATFORMS, SPREAD, Platform
from swarmnet.model.service_codecs import ATTACHMENTS, MODE, PORTS
from swarmnet.model.service_container import ContainerFields
from swarmnet.model.service_mounts import BindOptions, ImageOptions, Mount, MountType, TmpfsOptions, VolumeOptions
from swarmnet.model.service_parts import (
    Attachment,
    EndpointMode,
    FileReference,
    Protocol,
    PublishedPort,
    PublishMode,
    ServiceMode,
)
from swarmnet.model.service_resources import LIMITS, LOG_DRIVER, RESERVATIONS, Limits, Logging, Reservations

__all__ = [
    "Attachment",
    "BindOptions",
    "CredentialSpec",
    "Dns",
    "EndpointMode",
    "FileReference",
    "Healthcheck",
    "ImageOptions",
    "Limits",
    "Logging",
    "Mount",
    "MountType",
    "Platform",
    "Protocol",
    "PublishMode",
    "PublishedPort",
    "Reservations",
    "RestartPolicy",
    "SELinux",
    "Seccomp",
    "Service",
    "ServiceMode",
    "ServiceSpec",
    "Task",
    "TmpfsOptions",
    "Ulimit",
    "UpdatePolicy",
    "VolumeOptions",
]

FAILURE_ACTIONS = ("pause", "continue", "rollback")
ORDERS = ("stop-first", "start-first")
CONDITIONS = ("none", "on-failure", "any")
_RESTARTS = Effect.RESTARTS_TASKS


class UpdatePolicy(Document):
    """How tasks are replaced by a new version (update) or by the old one (rollback)."""

    parallelism: Annotated[Count | None, EngineField("Parallelism", INTEGER, 1)] = None
    """Tasks at a time; 0 means all at once."""
    delay: Annotated[float | None, EngineField("Delay", SECONDS, 0.0)] = None
    """Seconds between batches."""
    failure_action: Annotated[
        Annotated[str, Field(pattern="^(pause|continue|rollback)$")] | None,
        EngineField("FailureAction", Word(FAILURE_ACTIONS), "pause"),
    ] = None
    """What follows a failed task: pause, continue or rollback."""
    monitor: Annotated[float | None, EngineField("Monitor", SECONDS_OR_UNSET, 5.0)] = None
    """Seconds a new task is watched before it counts as running."""
    max_failure_ratio: Annotated[
        Annotated[float, Field(ge=0, le=1)] | None, EngineField("MaxFailureRatio", RATIO, 0.0)
    ] = None
    """Share of tasks that may fail, from 0 to 1."""
    order: Annotated[
        Annotated[str, Field(pattern="^(stop-first|start-first)$")] | None,
        EngineField("Order", Word(ORDERS), "stop-first"),
    ] = None
    """stop-first, or start-first: the new task runs before the old one ends."""


class RestartPolicy(Document):
    """When a task that ended is replaced."""

    condition: Annotated[
        Annotated[str, Field(pattern="^(none|on-failure|any)$")] | None,
        EngineField("Condition", Word(CONDITIONS), "any"),
    ] = None
    """When an ended task is replaced: none, on-failure or any."""
    delay: Annotated[float | None, EngineField("Delay", SECONDS, 5.0)] = None
    """Seconds before it is replaced."""
    max_attempts: Annotated[Count | None, EngineField("MaxAttempts", INTEGER, 0)] = None
    """How often within the window; 0 means without limit."""
    window: Annotated[float | None, EngineField("Window", SECONDS, 0.0)] = None
    """Seconds in which attempts are counted; 0 means without end."""


class ServiceSpec(ContainerFields):
    """What a service should be."""

    mode: Annotated[ServiceMode, EngineField("Mode", MODE, "replicated", Effect.REPLACE)] = ServiceMode.REPLICATED
    """replicated: as many tasks as replicas says; global: one on every node; replicated-job, global-job: tasks that run
    to their end once, and again after each change."""
    replicas: Annotated[
        Count | None,
        EngineField("Mode/Replicated/Replicas", INTEGER, 1, other_path="Mode/ReplicatedJob/TotalCompletions"),
    ] = None
    """How many tasks run, or how often a replicated job runs to its end; left out, 1 when the service is created, and
    not managed afterwards."""
    max_concurrent: Annotated[Count | None, EngineField("Mode/ReplicatedJob/MaxConcurrent", INTEGER, 1)] = None
    """Tasks of a replicated job that run at a time; left out when it is created: all of them."""
    networks: Annotated[
        tuple[Attachment, ...] | None, EngineField("TaskTemplate/Networks", ATTACHMENTS, effect=_RESTARTS)
    ] = None
    """Networks of the swarm that the tasks are on, each by name or with aliases."""
    ports: Annotated[
        tuple[PublishedPort, ...] | None, EngineField("EndpointSpec/Ports", PORTS, effect=Effect.RESTARTS_ENDPOINT)
    ] = None
    """Ports that clients outside reach, such as 8080:80 or 9443:443@host."""
    endpoint_mode: Annotated[
        EndpointMode | None, EngineField("EndpointSpec/Mode", Word(EndpointMode), "vip", Effect.RESTARTS_ENDPOINT)
    ] = None
    """vip: one virtual address for all tasks; dnsrr: the name leads to the tasks' own addresses."""
    constraints: Annotated[
        tuple[str, ...] | None,
        EngineField("TaskTemplate/Placement/Constraints", CONSTRAINTS, effect=Effect.MOVES_TASKS),
    ] = None
    """Nodes that may run the tasks, such as node.labels.zone == edge."""
    max_replicas_per_node: Annotated[
        Count | None, EngineField("TaskTemplate/Placement/MaxReplicas", INTEGER, 0, Effect.MOVES_TASKS)
    ] = None
    """Tasks that one node may run; 0 is without limit."""
    spread: Annotated[
        tuple[str, ...] | None, EngineField("TaskTemplate/Placement/Preferences", SPREAD, effect=Effect.MOVES_TASKS)
    ] = None
    """Labels over whose values the tasks are spread evenly, the first one first, such as node.labels.zone."""
    platforms: Annotated[
        tuple[Platform, ...] | None,
        EngineField("TaskTemplate/Placement/Platforms", PLATFORMS, effect=Effect.MOVES_TASKS),
    ] = None
    """Kinds of machines that the image runs on; the docker command asks the registry for them."""
    limits: Annotated[Limits | None, EngineField("TaskTemplate/Resources", LIMITS, effect=_RESTARTS)] = None
    """What a task may use at most."""
    reservations: Annotated[
        Reservations | None, EngineField("TaskTemplate/Resources/Reservations", RESERVATIONS, effect=_RESTARTS)
    ] = None
    """What a node must have free to run a task."""
    logging: Annotated[Logging | None, EngineField("TaskTemplate/LogDriver", LOG_DRIVER, effect=_RESTARTS)] = None
    """Where the output of the tasks goes."""
    update: Annotated[UpdatePolicy | None, EngineField("UpdateConfig", Part(UpdatePolicy))] = None
    """How tasks are replaced by a new version."""
    rollback: Annotated[UpdatePolicy | None, EngineField("RollbackConfig", Part(UpdatePolicy))] = None
    """How tasks are replaced by the version before."""
    restart: Annotated[
        RestartPolicy | None, EngineField("TaskTemplate/RestartPolicy", Part(RestartPolicy), effect=_RESTARTS)
    ] = None
    """When a task that ended is replaced."""
    labels: Annotated[Labels, EngineField("Labels", MERGED_LABELS, hidden=True)] = Field(default_factory=dict)
    """Labels of the service."""
    extra: JsonObject = Field(default_factory=dict)
    """Parts of the engine's spec that have no field here (ForceUpdate ...), in
    the engine's own JSON: kept as they are by updates, backups and restores, never compared unless wanted."""

    @property
    def is_plugin(self) -> bool:
        """Whether its tasks are plugins of the engines instead of containers; then it has no image."""
        template = self.extra.get("TaskTemplate")
        return isinstance(template, dict) and isinstance(template.get("PluginSpec"), dict)

    def uses(self, kind: str) -> tuple[str, ...]:
        """Return the names of the configs (kind ``Config``) or secrets (``Secret``) that the service cannot do without.

        A list with an entry that has no field here is whole in ``extra``, without ids, which change.
        """
        files = self.configs if kind == "Config" else self.secrets
        template = self.extra.get("TaskTemplate")
        container = template.get("ContainerSpec") if isinstance(template, dict) else None
        kept = container.get(f"{kind}s") if isinstance(container, dict) else None
        entries = [entry for entry in kept if isinstance(entry, dict)] if isinstance(kept, list) else []
        return (*(one.source for one in files or ()), *(str(entry.get(f"{kind}Name", "")) for entry in entries))


class Service(Document):
    """A service as seen on a manager."""

    id: str
    version: int
    spec: ServiceSpec
    virtual_ips: Annotated[dict[str, str], Plain()] = Field(default_factory=dict)
    """Network name to the service's address there, with its prefix length."""
    published: tuple[PublishedPort, ...] = ()
    """The ports as the engine gave them, its own choices filled in; those of host mode are each task's."""
    update_state: str | None = None
    """The engine's word: updating, paused, completed, rollback_started ...; None when never updated."""
    update_message: str | None = None
    previous: ServiceSpec | None = Field(default=None, exclude=True)
    """What the last update wrote over; engines keep one, and forget it after a rollback of their own. In no backup."""
    run: int | None = None
    """How often a job was asked to run again, from 0; None for other services."""

    @property
    def effective_ports(self) -> tuple[PublishedPort, ...]:
        """The ports that it publishes: as the engine gave them; as they are wanted where it gave none yet."""
        return self.published or self.spec.ports or ()

    @property
    def all_ports(self) -> tuple[PublishedPort, ...]:
        """The ports as the engine gave them, then those that are wanted and that it did not give, or not yet."""
        numbers = {(one.published, one.protocol) for one in self.published}
        chosen = {(one.target, one.protocol, one.mode) for one in self.published}

        def is_given(port: PublishedPort) -> bool:
            if port.published is None:
                return (port.target, port.protocol, port.mode) in chosen
            return (port.published, port.protocol) in numbers

        return (*self.published, *(port for port in self.spec.ports or () if not is_given(port)))


class Task(Document):
    """One task of a service, or the attachment of a container to a swarm network."""

    id: str
    service_id: str | None
    node_id: str | None
    slot: int | None = None
    state: str
    desired_state: str
    message: str = ""
    """The engine's error, or its last message."""
    networks: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Network name to the addresses (with prefix lengths) of the task."""
    container_id: str | None = None
    run: int | None = None
    """Which run of a job it belongs to."""
    published: tuple[PublishedPort, ...] = ()
    """The ports of its node in host mode, once it runs."""
    image: str = Field(default="", exclude=True)
    """That of its container, which an update has not replaced yet, or has put back. In no backup."""

    @property
    def runs(self) -> bool:
        """Whether it runs, and should; one that is to end may still run."""
        return self.state == self.desired_state == "running"

    def called(self, service: str) -> str:
        """Return what people call it: ``web.2``; a task of a global service, which has no number, is called as that."""
        return f"{service}.{self.slot}" if self.slot else service
