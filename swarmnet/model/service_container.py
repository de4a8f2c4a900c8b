"""What the containers of a service's tasks are: program, files, health, rights. None is not managed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from swarmnet.model.base import Document, Flag, Labels
from swarmnet.model.codecs import ENVIRONMENT, FLAG, IMAGE, INTEGER, LABELS, SECONDS, TEXT, TEXTS, UNORDERED, Word
from swarmnet.model.container_parts import (
    CAPABILITIES,
    HOSTS,
    PRIVILEGES_API,
    ULIMITS,
    CredentialSpec,
    Dns,
    Healthcheck,
    Seccomp,
    SELinux,
    Ulimit,
)
from swarmnet.model.engine_json import Part
from swarmnet.model.fields import Codec, Effect, EngineField
from swarmnet.model.service_codecs import CONFIGS, SECRETS
from swarmnet.model.service_mounts import MOUNTS, Mount
from swarmnet.model.service_parts import FileReference

ISOLATIONS = ("default", "process", "hyperv")
APPARMOR_MODES = ("default", "disabled")


def _container(
    key: str, codec: Codec, default: str | float | None = None, *, hidden: bool = False, since: str | None = None
) -> EngineField:
    """Return the line of a field of the tasks' containers: each change replaces all tasks."""
    path = f"TaskTemplate/ContainerSpec/{key}"
    return EngineField(path, codec, default, Effect.RESTARTS_TASKS, since=since, hidden=hidden)


class ContainerFields(Document):
    """What the containers of the tasks should be."""

    name: Annotated[str, EngineField("Name", TEXT, identity=True)]
    """A DNS label: letters, digits and '-', at most 63 characters."""
    image: Annotated[str, _container("Image", IMAGE)]
    """registry/name:tag or name@sha256:digest."""
    command: Annotated[tuple[str, ...] | None, _container("Command", TEXTS, hidden=True)] = None
    """Replaces the image's entrypoint."""
    args: Annotated[tuple[str, ...] | None, _container("Args", TEXTS, hidden=True)] = None
    """Arguments of the command or of the image's entrypoint."""
    env: Annotated[dict[str, str] | None, _container("Env", ENVIRONMENT, hidden=True)] = None
    """Environment variables."""
    configs: Annotated[tuple[FileReference, ...] | None, _container("Configs", CONFIGS)] = None
    """Configs that tasks see as files."""
    secrets: Annotated[tuple[FileReference, ...] | None, _container("Secrets", SECRETS)] = None
    """Secrets that tasks see as files below /run/secrets."""
    mounts: Annotated[tuple[Mount, ...] | None, _container("Mounts", MOUNTS)] = None
    """Volumes, paths of the host and memory that the tasks see, such as pgdata:/var/lib/data or /proc:/host/proc:ro."""
    healthcheck: Annotated[Healthcheck | None, _container("Healthcheck", Part(Healthcheck))] = None
    """How an engine finds out whether a task is healthy; unhealthy ones are replaced."""
    dns: Annotated[Dns | None, _container("DNSConfig", Part(Dns))] = None
    """Whom the tasks ask for names that are not of the swarm."""
    hosts: Annotated[dict[str, str] | None, _container("Hosts", HOSTS)] = None
    """Names in the tasks' /etc/hosts, each with its address."""
    container_labels: Annotated[Labels | None, _container("Labels", LABELS, hidden=True)] = None
    """Labels of the tasks' containers."""
    hostname: Annotated[str | None, _container("Hostname", TEXT, "")] = None
    """Host name inside the tasks."""
    user: Annotated[str | None, _container("User", TEXT, "")] = None
    """User, or user:group, that the program runs as."""
    workdir: Annotated[str | None, _container("Dir", TEXT, "")] = None
    """Folder that the program starts in."""
    stop_grace_period: Annotated[float | None, _container("StopGracePeriod", SECONDS, 10.0)] = None
    """Seconds between the stop signal and the kill."""
    stop_signal: Annotated[str | None, _container("StopSignal", TEXT, "")] = None
    """Signal that asks the program to stop, such as SIGQUIT; left out, the image's, or SIGTERM."""
    init: Annotated[Flag | None, _container("Init", FLAG, default=None)] = None
    """True runs an init in the container, which passes signals on and collects dead processes."""
    read_only: Annotated[Flag | None, _container("ReadOnly", FLAG, default=False)] = None
    """True lets the tasks write to their mounts only."""
    sysctls: Annotated[Labels | None, _container("Sysctls", LABELS)] = None
    """Kernel parameters of the tasks' containers, such as net.core.somaxconn: 1024."""
    cap_add: Annotated[tuple[str, ...] | None, _container("CapabilityAdd", CAPABILITIES)] = None
    """Capabilities that tasks have in addition to the usual ones, such as NET_ADMIN."""
    cap_drop: Annotated[tuple[str, ...] | None, _container("CapabilityDrop", CAPABILITIES)] = None
    """Capabilities that they do not have; ALL means all of them."""
    no_new_privileges: Annotated[
        Flag | None, _container("Privileges/NoNewPrivileges", FLAG, default=False, since=PRIVILEGES_API)
    ] = None
    """True keeps programs from gaining rights, as with sudo."""
    seccomp: Annotated[Seccomp | None, _container("Privileges/Seccomp", Part(Seccomp), since=PRIVILEGES_API)] = None
    """Which calls of the kernel the tasks may use."""
    apparmor: Annotated[
        Annotated[str, Field(pattern="^(default|disabled)$")] | None,
        _container("Privileges/AppArmor/Mode", Word(APPARMOR_MODES), "default", since=PRIVILEGES_API),
    ] = None
    """default or disabled: whether the engine's AppArmor profile holds."""
    selinux: Annotated[SELinux | None, _container("Privileges/SELinuxContext", Part(SELinux))] = None
    """SELinux labels of the tasks' containers."""
    credential_spec: Annotated[CredentialSpec | None, _container("Privileges/CredentialSpec", Part(CredentialSpec))] = (
        None
    )
    """The account of tasks on Windows."""
    groups: Annotated[tuple[str, ...] | None, _container("Groups", UNORDERED)] = None
    """Further groups of the user that the program runs as."""
    ulimits: Annotated[dict[str, Ulimit] | None, _container("Ulimits", ULIMITS)] = None
    """Limits of the kernel for each process, such as nofile: 1024."""
    oom_score_adj: Annotated[
        Annotated[int, Field(ge=-1000, le=1000)] | None, _container("OomScoreAdj", INTEGER, 0, since="1.46")
    ] = None
    """From -1000 to 1000: how readily the kernel kills the tasks when memory runs out."""
    tty: Annotated[Flag | None, _container("TTY", FLAG, default=False)] = None
    """True gives the program a terminal."""
    stdin: Annotated[Flag | None, _container("OpenStdin", FLAG, default=False)] = None
    """True keeps the program's standard input open."""
    isolation: Annotated[
        Annotated[str, Field(pattern="^(default|process|hyperv)$")] | None,
        _container("Isolation", Word(ISOLATIONS), "default"),
    ] = None
    """How containers are kept apart on Windows: default, process or hyperv."""
