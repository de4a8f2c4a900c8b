"""Containers outside of services: what is wanted, and how one that is there was made. None is not managed.

Paths are those of the body of ``POST /containers/create``. Limits and restart are changed in place, through
``POST /containers/ID/update``; all else is written once, so the container is replaced.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from swarmnet.model.base import Count, Document, Flag, JsonObject, Labels
from swarmnet.model.codecs import (
    ENVIRONMENT,
    FLAG,
    IMAGE,
    INTEGER,
    LABELS,
    MERGED_LABELS,
    PROCESSORS,
    TEXT,
    TEXTS,
    UNORDERED,
    WHOLE_OPTIONS,
)
from swarmnet.model.container_parts import CAPABILITIES, ULIMITS, Healthcheck, Ulimit
from swarmnet.model.engine_json import Part
from swarmnet.model.fields import Codec, Effect, EngineField
from swarmnet.model.plain_codecs import EXTRA_HOSTS, HOST_PORTS, RESTART_RULE, WHOLE_SECONDS, HostPort
from swarmnet.model.service_mounts import MOUNTS, Mount
from swarmnet.model.service_resources import LogDriver, Memory


def _made(path: str, codec: Codec, default: str | float | None = None, *, hidden: bool = False) -> EngineField:
    """Return the line of a field that engines set once: the container is replaced."""
    return EngineField(path, codec, default, Effect.REPLACE, hidden=hidden)


class PlainLimits(Document):
    """What a container may use at most; 0 is without limit."""

    cpus: Annotated[Annotated[float, Field(ge=0)] | None, EngineField("NanoCpus", PROCESSORS, 0.0)] = None
    """Processors, such as 0.5; 0 is without limit."""
    memory: Annotated[Memory | None, EngineField("Memory", INTEGER, 0)] = None
    """Bytes; 0 is without limit."""
    swap: Annotated[Annotated[int, Field(ge=-1)] | None, EngineField("MemorySwap", INTEGER, 0)] = None
    """Bytes of memory and swap together, as `docker run --memory-swap` takes them; -1 is without limit."""
    reservation: Annotated[Memory | None, EngineField("MemoryReservation", INTEGER, 0)] = None
    """Bytes of memory that the kernel leaves to it when memory runs out."""
    pids: Annotated[Count | None, EngineField("PidsLimit", INTEGER, 0)] = None
    """Processes and threads; 0 is without limit."""
    cpu_shares: Annotated[Count | None, EngineField("CpuShares", INTEGER, 0)] = None
    """Its weight against other containers when processors are short; 0 is 1024."""


class PlainLogging(Document):
    """Where the output of a container goes."""

    driver: Annotated[str | None, EngineField("Type", TEXT)] = None
    """Log driver, such as json-file or syslog; left out, the one that the host's engine uses."""
    options: Annotated[Labels | None, EngineField("Config", WHOLE_OPTIONS, hidden=True)] = None
    """Options of the driver, such as max-size: 10m."""


class PlainContainer(Document):
    """What a container outside of services should be."""

    name: Annotated[str, EngineField("../Name", TEXT, identity=True)]
    """Letters, digits, '_', '.' and '-', at least two characters."""
    image: Annotated[str, _made("Image", IMAGE)]
    """registry/name:tag or name@sha256:digest; one that the host lacks is pulled."""
    command: Annotated[tuple[str, ...] | None, _made("Entrypoint", TEXTS, hidden=True)] = None
    """Replaces the image's entrypoint, as in a service."""
    args: Annotated[tuple[str, ...] | None, _made("Cmd", TEXTS, hidden=True)] = None
    """Arguments of the command or of the image's entrypoint."""
    env: Annotated[dict[str, str] | None, _made("Env", ENVIRONMENT, hidden=True)] = None
    """Environment variables, besides those of the image."""
    labels: Annotated[Labels, _made("Labels", MERGED_LABELS, hidden=True)] = Field(default_factory=dict)
    """Labels of the container."""
    mounts: Annotated[tuple[Mount, ...] | None, _made("HostConfig/Mounts", MOUNTS)] = None
    """Volumes, paths of the host and memory that it sees, such as pgdata:/var/lib/data or /proc:/host/proc:ro."""
    ports: Annotated[tuple[HostPort, ...] | None, _made("HostConfig/PortBindings", HOST_PORTS)] = None
    """Ports of the host that lead to it, such as 8080:80 or 127.0.0.1:53:53/udp."""
    restart: Annotated[str | None, EngineField("HostConfig/RestartPolicy", RESTART_RULE, "no")] = None
    """no, always, unless-stopped, on-failure, or on-failure:3 for three tries."""
    limits: Annotated[PlainLimits | None, EngineField("HostConfig", Part(PlainLimits))] = None
    """What it may use at most."""
    healthcheck: Annotated[Healthcheck | None, _made("Healthcheck", Part(Healthcheck))] = None
    """How the engine finds out whether it is healthy."""
    dns: Annotated[tuple[str, ...] | None, _made("HostConfig/Dns", TEXTS)] = None
    """Addresses of the name servers that it asks for names that are not of its networks."""
    dns_search: Annotated[tuple[str, ...] | None, _made("HostConfig/DnsSearch", TEXTS)] = None
    """Domains in which short names are looked up."""
    dns_options: Annotated[tuple[str, ...] | None, _made("HostConfig/DnsOptions", TEXTS)] = None
    """Options of the resolver, such as ndots:1."""
    hosts: Annotated[dict[str, str] | None, _made("HostConfig/ExtraHosts", EXTRA_HOSTS)] = None
    """Names in its /etc/hosts, each with its address."""
    hostname: Annotated[str | None, _made("Hostname", TEXT, "")] = None
    """Host name inside; left out, a part of the container's id."""
    user: Annotated[str | None, _made("User", TEXT, "")] = None
    """User, or user:group, that the program runs as."""
    workdir: Annotated[str | None, _made("WorkingDir", TEXT, "")] = None
    """Folder that the program starts in."""
    stop_signal: Annotated[str | None, _made("StopSignal", TEXT, "")] = None
    """Signal that asks the program to stop, such as SIGQUIT; left out, the image's, or SIGTERM."""
    stop_grace_period: Annotated[float | None, _made("StopTimeout", WHOLE_SECONDS, 10.0)] = None
    """Whole seconds between the stop signal and the kill."""
    init: Annotated[Flag | None, _made("HostConfig/Init", FLAG)] = None
    """True runs an init in the container, which passes signals on and collects dead processes."""
    read_only: Annotated[Flag | None, _made("HostConfig/ReadonlyRootfs", FLAG, default=False)] = None
    """True lets it write to its mounts only."""
    privileged: Annotated[Flag | None, _made("HostConfig/Privileged", FLAG, default=False)] = None
    """True gives it all rights of the host."""
    cap_add: Annotated[tuple[str, ...] | None, _made("HostConfig/CapAdd", CAPABILITIES)] = None
    """Rights of the kernel that it has besides the usual ones, such as NET_ADMIN."""
    cap_drop: Annotated[tuple[str, ...] | None, _made("HostConfig/CapDrop", CAPABILITIES)] = None
    """Rights that it does not have; ALL is all."""
    security: Annotated[tuple[str, ...] | None, _made("HostConfig/SecurityOpt", UNORDERED)] = None
    """Options as `docker run --security-opt` takes them, such as no-new-privileges."""
    sysctls: Annotated[Labels | None, _made("HostConfig/Sysctls", LABELS)] = None
    """Kernel parameters of the container, such as net.core.somaxconn: 1024."""
    ulimits: Annotated[dict[str, Ulimit] | None, _made("HostConfig/Ulimits", ULIMITS)] = None
    """Limits of the kernel for each process, such as nofile: 1024."""
    groups: Annotated[tuple[str, ...] | None, _made("HostConfig/GroupAdd", UNORDERED)] = None
    """Further groups of the user that the program runs as."""
    logging: Annotated[PlainLogging | None, _made("HostConfig/LogConfig", LogDriver(PlainLogging))] = None
    """Where its output goes."""
    tty: Annotated[Flag | None, _made("Tty", FLAG, default=False)] = None
    """True gives the program a terminal."""
    stdin: Annotated[Flag | None, _made("OpenStdin", FLAG, default=False)] = None
    """True keeps the program's standard input open."""
    extra: JsonObject = Field(default_factory=dict)
    """Parts of the engine's JSON without a field here, such as HostConfig: {PidMode: host}; those that a step leaves
    out stay when the container is replaced."""


class Made(Document):
    """How a container that is there was made."""

    spec: PlainContainer
    """What it has beyond its image; a container that takes its place gets this where a step leaves something out."""
    image: PlainContainer
    """What its image says."""
    volumes: Labels = Field(default_factory=dict)
    """Path in the container to the name of the volume without a name of its own that is there."""
    exit_code: int = 0
    restarting: bool = False
    health: str = ""
    """The engine's word: starting, healthy or unhealthy; empty without a check."""

    @property
    def whole(self) -> PlainContainer:
        """What it is, with what comes from its image."""
        unsaid = {
            name: value
            for name in PlainContainer.model_fields
            if getattr(self.spec, name) is None and (value := getattr(self.image, name)) is not None
        }
        both = {name: {**(getattr(self.image, name) or {}), **(getattr(self.spec, name) or {})} for name in _MERGED}
        return self.spec.model_copy(update={**unsaid, **{name: value for name, value in both.items() if value}})

    def asked(self, wanted: PlainContainer) -> PlainContainer:
        """Return what is wanted with the variables of the image, which a container has besides its own."""
        if wanted.env is None:
            return wanted
        return wanted.model_copy(update={"env": {**(self.image.env or {}), **wanted.env}})


_MERGED = ("env", "labels")
