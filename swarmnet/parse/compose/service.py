"""The typed form of one service of a stack file: every key that is honoured, in the words of the file."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from swarmnet.model.base import Document
from swarmnet.parse.compose import short
from swarmnet.parse.compose.forms import (
    Decimal,
    Duration,
    Flag,
    Number,
    Options,
    Pairs,
    Size,
    Text,
    Texts,
    Words,
    keyed,
)


def _source(value: object) -> object:
    return {"source": value} if isinstance(value, str) else value


def _env_files(value: object) -> object:
    entries = value if isinstance(value, list) else [value]
    return [{"path": one} if isinstance(one, str) else one for one in entries]


def _test(value: object) -> object:
    if isinstance(value, list) and value and value[0] not in ("NONE", "CMD", "CMD-SHELL"):
        raise ValueError("a test in a list begins with NONE, CMD or CMD-SHELL")
    return value


def _mode(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and re.fullmatch(r"[1-7][0-7]{2,3}", str(value)):
        raise ValueError(f"mode {value} may be octal or decimal: write '0{value}' in quotes, or '0{value:o}'")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:04o}"
    if isinstance(value, str) and re.fullmatch(r"(0o?)?[0-7]{3,4}", value):
        return f"{int(value.removeprefix('0o'), 8):04o}"
    raise ValueError(f"{value!r} is not a mode: write it in octal, such as '0444'")


class Port(Document):
    """One published port, in the long form."""

    target: Annotated[Number, Field(ge=1, le=65535)]
    published: Annotated[Number, Field(ge=0, le=65535)] | None = None
    protocol: Annotated[str, Field(pattern="^(tcp|udp|sctp)$")] = "tcp"
    mode: Annotated[str, Field(pattern="^(ingress|host)$")] = "ingress"
    name: Text | None = None
    index: int = 0
    """The item of the list that it is from."""


class NetworkUse(Document):
    """A service's place on a network."""

    aliases: tuple[Text, ...] | None = None
    driver_opts: Options | None = None


class FileUse(Document):
    """A config or secret that tasks see as a file."""

    source: Text
    target: Text | None = None
    uid: Text | None = None
    gid: Text | None = None
    mode: Annotated[Text, BeforeValidator(_mode)] | None = None


class BindOptions(Document):
    """Options of a path of the host."""

    propagation: Text | None = None
    recursive: Annotated[str, Field(pattern="^(enabled|disabled|writable|readonly)$")] | None = None


class VolumeOptions(Document):
    """Options of a volume."""

    nocopy: Flag | None = None
    subpath: Text | None = None
    labels: Pairs | None = None


class TmpfsOptions(Document):
    """Options of a file system in memory."""

    size: Size | None = None
    mode: Annotated[Text, BeforeValidator(_mode)] | None = None


class ImageOptions(Document):
    """Options of an image that is mounted."""

    subpath: Text | None = None


class Mount(Document):
    """What tasks see at a path, in the long form."""

    type: Annotated[str, Field(pattern="^(volume|bind|tmpfs|cluster|npipe|image)$")]
    source: Text | None = None
    target: Text
    read_only: Flag | None = None
    consistency: Text | None = None
    bind: BindOptions | None = None
    volume: VolumeOptions | None = None
    tmpfs: TmpfsOptions | None = None
    image: ImageOptions | None = None


class EnvFile(Document):
    """A file of variables."""

    path: Text
    required: Flag = True
    format: Annotated[str, Field(pattern="^(raw)$")] | None = None


class Healthcheck(Document):
    """How engines ask whether a task is healthy."""

    test: Annotated[str | tuple[Text, ...], BeforeValidator(_test)] | None = None
    interval: Duration | None = None
    timeout: Duration | None = None
    retries: Number | None = None
    start_period: Duration | None = None
    start_interval: Duration | None = None
    disable: Flag | None = None


class Logging(Document):
    """Where the output of tasks goes."""

    driver: Text | None = None
    options: Options | None = None


class Ulimit(Document):
    """A soft and a hard limit."""

    soft: Number
    hard: Number


class CredentialSpec(Document):
    """Where Windows containers get their identity."""

    config: Text | None = None
    file: Text | None = None
    registry: Text | None = None


class DependsOn(Document):
    """What a service needs; its order is kept, and no one waits."""

    condition: Text | None = None
    required: Flag = True
    restart: Flag | None = None


class UpdateConfig(Document):
    """How tasks are replaced."""

    parallelism: Number | None = None
    delay: Duration | None = None
    failure_action: Text | None = None
    monitor: Duration | None = None
    max_failure_ratio: Decimal | None = None
    order: Text | None = None


class RestartPolicy(Document):
    """When a task that ended is replaced."""

    condition: Text | None = None
    delay: Duration | None = None
    max_attempts: Number | None = None
    window: Duration | None = None


class DiscreteResource(Document):
    """A number of things of one kind."""

    kind: Text
    value: Number


class GenericResource(Document):
    """A resource that nodes announce."""

    discrete_resource_spec: DiscreteResource


class Limits(Document):
    """What a task may use at most."""

    cpus: Decimal | None = None
    memory: Size | None = None
    pids: Number | None = None


class Reservations(Document):
    """What a node must have free."""

    cpus: Decimal | None = None
    memory: Size | None = None
    generic_resources: tuple[GenericResource, ...] = ()


class Resources(Document):
    """Limits and reservations of a task."""

    limits: Limits | None = None
    reservations: Reservations | None = None


class Preference(Document):
    """A label of nodes that tasks are spread over."""

    spread: Text


class Placement(Document):
    """Nodes that may run the tasks."""

    constraints: tuple[Text, ...] = ()
    preferences: tuple[Preference, ...] = ()
    max_replicas_per_node: Number | None = None


class Deploy(Document):
    """How the swarm runs a service."""

    mode: Annotated[str, Field(pattern="^(replicated|global|replicated-job|global-job)$")] | None = None
    endpoint_mode: Annotated[Text, AfterValidator(str.lower)] | None = None
    replicas: Number | None = None
    labels: Pairs | None = None
    update_config: UpdateConfig | None = None
    rollback_config: UpdateConfig | None = None
    restart_policy: RestartPolicy | None = None
    resources: Resources | None = None
    placement: Placement | None = None


class Service(Document):
    """One service of the stack."""

    image: Text | None = None
    command: Words | None = None
    entrypoint: Words | None = None
    environment: Pairs | None = None
    env_file: Annotated[tuple[EnvFile, ...], BeforeValidator(_env_files)] | None = None
    labels: Pairs | None = None
    ports: Annotated[tuple[Port, ...], BeforeValidator(short.ports)] | None = None
    networks: Annotated[dict[str, NetworkUse | None], BeforeValidator(keyed)] | None = None
    volumes: tuple[Annotated[Mount, BeforeValidator(short.volume)], ...] | None = None
    tmpfs: Texts | None = None
    configs: tuple[Annotated[FileUse, BeforeValidator(_source)], ...] | None = None
    secrets: tuple[Annotated[FileUse, BeforeValidator(_source)], ...] | None = None
    deploy: Deploy | None = None
    healthcheck: Healthcheck | None = None
    logging: Logging | None = None
    dns: Texts | None = None
    dns_search: Texts | None = None
    dns_opt: Texts | None = None
    extra_hosts: Annotated[dict[str, Text], BeforeValidator(short.hosts)] | None = None
    cap_add: tuple[Text, ...] | None = None
    cap_drop: tuple[Text, ...] | None = None
    sysctls: Pairs | None = None
    ulimits: dict[str, Number | Ulimit] | None = None
    init: Flag | None = None
    tty: Flag | None = None
    stdin_open: Flag | None = None
    read_only: Flag | None = None
    stop_signal: Text | None = None
    stop_grace_period: Duration | None = None
    user: Text | None = None
    working_dir: Text | None = None
    hostname: Text | None = None
    group_add: tuple[Text, ...] | None = None
    isolation: Text | None = None
    oom_score_adj: Number | None = None
    credential_spec: CredentialSpec | None = None
    depends_on: Annotated[dict[str, DependsOn | None], BeforeValidator(keyed)] | None = None
    profiles: Texts | None = None
    scale: Number | None = None
    restart: Annotated[Text, Field(pattern=r"^(no|false|always|unless-stopped|on-failure(:[0-9]+)?)$")] | None = None
