"""What a service consists of: its ports, its places on networks, the files that its tasks see."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from swarmnet.model.base import Document, Labels, Port
from swarmnet.model.codecs import TEXT, TEXTS, WHOLE_OPTIONS
from swarmnet.model.fields import EngineField


class ServiceMode(StrEnum):
    """How many tasks: a number, or one on every node; those of a job run to their end, once."""

    REPLICATED = "replicated"
    GLOBAL = "global"
    REPLICATED_JOB = "replicated-job"
    GLOBAL_JOB = "global-job"

    @property
    def is_job(self) -> bool:
        """Whether tasks run to their end once, and again after each update of any field."""
        return self in (ServiceMode.REPLICATED_JOB, ServiceMode.GLOBAL_JOB)

    @property
    def is_everywhere(self) -> bool:
        """Whether each node that may run it has one task, so that no number of tasks is meant."""
        return self in (ServiceMode.GLOBAL, ServiceMode.GLOBAL_JOB)


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
    name: str | None = None
    """A name for people; left out, the one that it has stays."""


class Attachment(Document):
    """A service's place on a network."""

    network: Annotated[str, EngineField("Target", TEXT, identity=True)]
    """The network's name; never its id, which changes when it is made again."""
    aliases: Annotated[tuple[str, ...] | None, EngineField("Aliases", TEXTS)] = None
    """Further names of the service on this network; left out, those that it has stay."""
    options: Annotated[Labels | None, EngineField("DriverOpts", WHOLE_OPTIONS, hidden=True)] = None
    """Driver options of the endpoints; left out, those that they have stay."""


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
