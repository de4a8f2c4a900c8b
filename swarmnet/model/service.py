"""Services: what one shall be, and what was seen of it. None in a wanted spec means not managed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from swarmnet.model.base import Count, Document, JsonObject, Labels, Port


class ServiceMode(StrEnum):
    """How many tasks: a number, or one on every node."""

    REPLICATED = "replicated"
    GLOBAL = "global"


JOBS = frozenset({"ReplicatedJob", "GlobalJob"})
"""Modes of services whose tasks run to their end, once. They have no field and stay in ``extra``."""


class EndpointMode(StrEnum):
    """How clients find the tasks: one virtual address balanced by IPVS, or all addresses by DNS."""

    VIP = "vip"
    DNSRR = "dnsrr"


class PublishMode(StrEnum):
    """Where a port answers: on every node through the routing mesh, or on the task's own host."""

    INGRESS = "ingress"
    HOST = "host"


class Protocol(StrEnum):
    """Transport of a published port."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"


class PublishedPort(Document):
    """One published port; ``published`` None lets the engine choose from 30000 to 32767."""

    target: Port
    """Port that the program listens on in its container."""
    published: Port | None = None
    """Port on the nodes; left out, the engine chooses one."""
    protocol: Protocol = Protocol.TCP
    """tcp, udp or sctp."""
    mode: PublishMode = PublishMode.INGRESS
    """ingress: every node takes the port and leads to a task; host: only nodes with a task do."""


class Attachment(Document):
    """A service's place on a network."""

    network: str
    """The network's name; never its id, which changes when it is made again."""
    aliases: tuple[str, ...] = ()
    """Further names of the service on this network."""
    options: Labels = Field(default_factory=dict)
    """Driver options of the endpoints."""


class FileReference(Document):
    """A config or secret shown to the tasks as a file."""

    source: str
    """Name of the config or secret, as the playbook calls it."""
    target: str
    """File name in the container; relative ones of secrets are below ``/run/secrets``."""
    uid: str = "0"
    """Owner of the file in the container."""
    gid: str = "0"
    """Group of the file in the container."""
    mode: Annotated[int, Field(ge=0, le=0o7777)] = 0o444
    """Permissions of the file, such as 0440."""


class Resources(Document):
    """Limits or reservations of one task."""

    cpus: Annotated[float, Field(gt=0)] | None = None
    """Processors, such as 0.5."""
    memory: Annotated[int, Field(ge=4 * 1024 * 1024)] | None = None
    """Bytes."""


class UpdatePolicy(Document):
    """How tasks are replaced by a new version (update) or by the old one (rollback)."""

    parallelism: Count = 1
    """Tasks at a time; 0 means all at once."""
    delay: float = 0.0
    """Seconds between batches."""
    failure_action: Annotated[str, Field(pattern="^(pause|continue|rollback)$")] = "pause"
    """What follows a failed task: pause, continue or rollback."""
    monitor: float = 5.0
    """Seconds a new task is watched before it counts as running."""
    max_failure_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of tasks that may fail, from 0 to 1."""
    order: Annotated[str, Field(pattern="^(stop-first|start-first)$")] = "stop-first"
    """stop-first, or start-first: the new task runs before the old one ends."""


class RestartPolicy(Document):
    """When a task that ended is started anew."""

    condition: Annotated[str, Field(pattern="^(none|on-failure|any)$")] = "any"
    """When an ended task is replaced: none, on-failure or any."""
    delay: float = 5.0
    """Seconds before it is replaced."""
    max_attempts: Count = 0
    """How often within the window; 0 is without end."""
    window: float = 0.0
    """Seconds in which attempts are counted; 0 is for ever."""


class ServiceSpec(Document):
    """What a service shall be."""

    name: str
    """A DNS label: letters, digits and '-', at most 63 characters."""
    image: str
    """registry/name:tag or name@sha256:digest."""
    command: tuple[str, ...] | None = None
    """Replaces the image's entrypoint."""
    args: tuple[str, ...] | None = None
    """Arguments of the command or of the image's entrypoint."""
    env: dict[str, str] | None = None
    """Environment variables."""
    mode: ServiceMode = ServiceMode.REPLICATED
    """replicated: as many tasks as replicas says; global: one on every node."""
    replicas: Count | None = None
    """Replicated services only; None means 1 when the service is made, and not managed afterwards."""
    networks: tuple[Attachment, ...] | None = None
    """Networks of the swarm that the tasks are on, each by name or with aliases."""
    ports: tuple[PublishedPort, ...] | None = None
    """Ports that clients outside reach, such as 8080:80 or 9443:443@host."""
    endpoint_mode: EndpointMode | None = None
    """vip: one virtual address for all tasks; dnsrr: the name leads to the tasks' own addresses."""
    constraints: tuple[str, ...] | None = None
    """Nodes that may run the tasks, such as node.labels.zone == edge."""
    max_replicas_per_node: Count | None = None
    """Tasks that one node may run; 0 is without limit."""
    limits: Resources | None = None
    """What a task may use at most."""
    reservations: Resources | None = None
    """What a node must have free to run a task."""
    update: UpdatePolicy | None = None
    """How tasks are replaced by a new version."""
    rollback: UpdatePolicy | None = None
    """How tasks are replaced by the version before."""
    restart: RestartPolicy | None = None
    """When a task that ended is replaced."""
    configs: tuple[FileReference, ...] | None = None
    """Configs that tasks see as files."""
    secrets: tuple[FileReference, ...] | None = None
    """Secrets that tasks see as files below /run/secrets."""
    labels: Labels = Field(default_factory=dict)
    """Labels of the service."""
    container_labels: Labels | None = None
    """Labels of the tasks' containers."""
    hostname: str | None = None
    """Host name inside the tasks."""
    user: str | None = None
    """User, or user:group, that the program runs as."""
    workdir: str | None = None
    """Folder that the program starts in."""
    stop_grace_period: float | None = None
    """Seconds between the stop signal and the kill."""
    extra: JsonObject = Field(default_factory=dict)
    """Parts of the engine's spec that have no field here (mounts, health check, log driver, ForceUpdate ...), in
    the engine's own JSON: kept as they are by updates, backups and restores, never compared unless wanted."""

    def uses(self, kind: str) -> tuple[str, ...]:
        """Return the names of the configs (kind ``Config``) or secrets (``Secret``) that the service cannot do without.

        A list with an entry that has no field here stands whole in ``extra``, without ids, which change.
        """
        files = self.configs if kind == "Config" else self.secrets
        template = self.extra.get("TaskTemplate")
        container = template.get("ContainerSpec") if isinstance(template, dict) else None
        kept = container.get(f"{kind}s") if isinstance(container, dict) else None
        entries = [entry for entry in kept if isinstance(entry, dict)] if isinstance(kept, list) else []
        return (*(one.source for one in files or ()), *(str(entry.get(f"{kind}Name", "")) for entry in entries))

    @property
    def job(self) -> JsonObject | None:
        """The mode of a job in the engine's own JSON, None where tasks shall run on."""
        mode = self.extra.get("Mode")
        return mode if isinstance(mode, dict) and JOBS & mode.keys() else None


class Service(Document):
    """A service as seen on a manager."""

    id: str
    version: int
    spec: ServiceSpec
    virtual_ips: dict[str, str] = Field(default_factory=dict)
    """Network name to the service's address there, with its prefix length."""
    published: tuple[PublishedPort, ...] = ()
    """The ports as the engine gave them, its own choices filled in; those of host mode are each task's."""
    update_state: str | None = None
    """The engine's word: updating, paused, completed, rollback_started ...; None when never updated."""
    update_message: str | None = None


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
    published: tuple[PublishedPort, ...] = ()
    """The ports of its node in host mode, once it runs."""
