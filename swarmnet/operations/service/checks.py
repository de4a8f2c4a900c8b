"""Validation of a service, on its own and against the observed cluster. Each check yields complete sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from swarmnet.model.container_parts import normal_capability
from swarmnet.model.image import fault_of_image
from swarmnet.model.merge import lay
from swarmnet.model.placement import eligible, matches
from swarmnet.model.service import ServiceMode
from swarmnet.model.service_mounts import MountType
from swarmnet.operations.content.names import newest
from swarmnet.operations.network.checks import is_swarm_name, shortened
from swarmnet.operations.service.constraints import LABEL_PREFIXES, contradictions, fault, runs_on
from swarmnet.operations.service.environment import environment_warnings
from swarmnet.operations.service.mounted import mount_warnings
from swarmnet.operations.service.networks import network_problems, network_warnings, room_warnings
from swarmnet.operations.service.ports import crowded_ports, key, mesh_problems, open_ports, port_problems
from swarmnet.operations.service.reservations import reservation_problems, reservation_warnings
from swarmnet.operations.service.signals import is_signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.kind import Context


LOG_OPTIONS = {
    "json-file": frozenset(("max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag")),
    "local": frozenset(("max-file", "max-size", "compress")),
}
"""Options of drivers that come with the engine and refuse others (moby daemon/logger; seen on 20.10, 26.1 and 28.5)."""
ANY_LOG_OPTIONS = frozenset(
    ("mode", "max-buffer-size", "cache-disabled", "cache-max-file", "cache-max-size", "cache-compress")
)
"""Options of every driver."""
SEPARATE_SYSCTLS = ("net.", "fs.mqueue.")
IPC_SYSCTLS = frozenset(
    f"kernel.{name}"
    for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced", "domainname")
)
"""What a container has for itself (runc, libcontainer/configs/validate)."""
LONGEST_HOSTNAME = 64
"""Characters (Linux, HOST_NAME_MAX)."""


def faults_of_service(spec: ServiceSpec) -> Iterator[str]:
    """Yield what is wrong with the service whatever is there."""
    if not is_swarm_name(spec.name):
        name = shortened(spec.name)
        yield f"service name {name} is not a DNS label: use letters, digits and '-', at most 63, no dots"
    without = spec.is_plugin and not spec.image
    if not without and (fault_in_image := fault_of_image(spec.image)) is not None:
        yield f"image {fault_in_image}"
    yield from (text for one in spec.constraints or () if (text := fault(one)) is not None)
    yield from contradictions(spec.constraints or ())
    for label in spec.spread or ():
        if not label.lower().startswith(LABEL_PREFIXES) or label.lower() in LABEL_PREFIXES:
            yield f"spread {label!r} is ignored by engines: write node.labels.NAME or engine.labels.NAME"
    yield from _mode(spec)
    yield from _ports(spec)
    yield from _twice("network", [one.network for one in spec.networks or ()])
    yield from _twice("file", [one.target for one in spec.configs or ()])
    yield from _twice("file", [one.target for one in spec.secrets or ()])
    yield from _twice("mount on", [one.target.rstrip("/") for one in spec.mounts or ()])
    yield from _images(spec)
    yield from _resources(spec)
    yield from _program(spec)
    yield from _rights(spec)
    yield from _logging(spec)


def problems_of_service(spec: ServiceSpec, context: Context) -> Iterator[str]:
    """Yield what the service asks for and is not there, and ports that others have."""
    if context.state.swarm is None:
        yield f"service {spec.name} needs a swarm: put a 'swarm' step before"
        return
    yield from network_problems(spec, context)
    for kind, files in (("config", spec.configs), ("secret", spec.secrets)):
        for file in files or ():
            defined = (kind, file.source) in context.provided or newest(kind, file.source, context) is not None
            if not defined:
                yield f"{kind} {file.source!r} is not defined: put a '{kind}' step before, or correct the name"
    yield from port_problems(spec, context)
    yield from reservation_problems(spec, context.state)
    yield from _kept(spec, context)
    yield from _swap(spec, context)


def warnings_of_service(spec: ServiceSpec, context: Context) -> Iterator[str]:
    """Yield what leaves tasks without a place, and names that two services would share."""
    if spec.constraints and not any(matches(spec.constraints, node) for node in context.state.nodes):
        asked = " and ".join(spec.constraints)
        yield f"service {spec.name}: no node meets {asked}; its tasks will wait for one"
    places = len(eligible(spec, context.state.nodes)) * (spec.max_replicas_per_node or 0)
    if 0 < places < (spec.replicas or 0):
        yield (
            f"service {spec.name}: max_replicas_per_node leaves places for {places} of {spec.replicas} tasks on the"
            " nodes that may run it; the others will wait"
        )
    yield from reservation_warnings(spec, context.state)
    yield from crowded_ports(spec, context.state)
    yield from open_ports(spec, context)
    yield from network_warnings(spec, context.state)
    yield from room_warnings(spec, context)
    yield from _sysctls(spec)
    yield from mount_warnings(spec, context)
    yield from environment_warnings(spec, context)
    yield from _platforms(spec, context.state)


def _platforms(spec: ServiceSpec, state: ClusterState) -> Iterator[str]:
    """Yield platforms that no node is of: the scheduler gives such a node no task of the service."""
    wanted = spec.platforms or ()
    nodes = [node for node in state.nodes if matches(spec.constraints or (), node) and node.platform]
    if wanted and nodes and not any(runs_on(one, node.platform) for one in wanted for node in nodes):
        asked = ", ".join(f"{one.os or 'any'}/{one.architecture or 'any'}" for one in wanted)
        there = ", ".join(f"{node.name}: {node.platform}" for node in nodes)
        yield (
            f"service {spec.name}: its image is for {asked}, and no node that may run it is of that kind ({there}): its"
            " tasks will wait; take another image, or correct 'platforms'"
        )


def _mode(spec: ServiceSpec) -> Iterator[str]:
    if spec.mode.is_everywhere:
        for field in ("replicas", "max_replicas_per_node"):
            if getattr(spec, field) is not None:
                yield f"'{field}' means nothing for a {spec.mode} service: it has one task on every node"
    if spec.mode.is_job and spec.update is not None:
        yield f"service {spec.name} is a job: leave 'update' out, each change runs all its tasks again"
    if spec.max_concurrent is not None and spec.mode is not ServiceMode.REPLICATED_JOB:
        yield f"'max_concurrent' means nothing for a {spec.mode} service: write 'mode: replicated-job', or leave it out"


def _ports(spec: ServiceSpec) -> Iterator[str]:
    yield from mesh_problems(spec)
    counted = Counter(key(port) for port in spec.ports or () if port.published is not None)
    yield from (f"port {number}/{protocol} is published twice" for (number, protocol), n in counted.items() if n > 1)


def _twice(what: str, names: list[str]) -> Iterator[str]:
    yield from (f"{what} {name!r} is listed twice" for name, count in Counter(names).items() if count > 1)


def _images(spec: ServiceSpec) -> Iterator[str]:
    """Yield mounts of type image: containers have them, tasks have none (swarmkit; refused by 20.10, 26.1 and 28.5)."""
    for one in spec.mounts or ():
        if one.type is MountType.IMAGE:
            yield (
                f"mount on {one.target!r}: engines give no task a mount of type image: put the files into a volume, a"
                " config or the service's own image"
            )


def _resources(spec: ServiceSpec) -> Iterator[str]:
    for field in ("cpus", "memory"):
        limit, reserved = getattr(spec.limits, field, None), getattr(spec.reservations, field, None)
        if limit and reserved and reserved > limit:
            yield f"{field}: {reserved} is reserved, more than the limit {limit}"


def _program(spec: ServiceSpec) -> Iterator[str]:
    """Yield what no engine starts a container with: a template of the engine's is left to it."""
    for name in spec.env or ():
        if not name or "=" in name:
            yield f"environment variable {name!r} does not exist: its name is not empty and has no '='"
    if spec.workdir is not None and not spec.workdir.startswith(("/", "{{")):
        yield f"workdir {spec.workdir!r} is not an absolute path"
    if spec.hostname is not None and "{{" not in spec.hostname and len(spec.hostname) > LONGEST_HOSTNAME:
        yield f"hostname {spec.hostname!r} is too long: kernels take {LONGEST_HOSTNAME} characters"
    if spec.stop_signal and not is_signal(spec.stop_signal):
        yield f"stop_signal {spec.stop_signal!r} is not a signal: write a name such as SIGTERM, or its number"


def _logging(spec: ServiceSpec) -> Iterator[str]:
    if spec.logging is None or spec.logging.driver not in LOG_OPTIONS:
        return
    known = LOG_OPTIONS[spec.logging.driver]
    for name in spec.logging.options or ():
        if name not in known | ANY_LOG_OPTIONS:
            yield f"the log driver {spec.logging.driver} has no option {name!r}: it reads {', '.join(sorted(known))}"


def _sysctls(spec: ServiceSpec) -> Iterator[str]:
    for written in spec.sysctls or ():
        name = written.replace("/", ".")
        if not name.startswith(SEPARATE_SYSCTLS) and name not in IPC_SYSCTLS:
            yield (
                f"service {spec.name}: sysctl {written} is not of a container but of its host, and runc starts no"
                " container with it: set it on the nodes"
            )


def _rights(spec: ServiceSpec) -> Iterator[str]:
    both = {normal_capability(one) for one in spec.cap_add or ()} & {
        normal_capability(one) for one in spec.cap_drop or ()
    }
    yield from (f"capability {one.removeprefix('CAP_')} is both added and dropped" for one in sorted(both))
    account = spec.credential_spec
    if account is None:
        return
    if len([one for one in (account.config, account.file, account.registry) if one]) > 1:
        yield "credential_spec has one of config, file and registry, not several"
    if account.config and account.config not in spec.uses("Config"):
        yield (
            f"credential_spec: engines want config {account.config!r} among the service's configs, without a file:"
            " write it in 'extra', or use file or registry"
        )


def _kept(spec: ServiceSpec, context: Context) -> Iterator[str]:
    """Yield what is wrong only together with fields of the present service that are not managed."""
    seen = context.state.service(spec.name)
    if seen is None or seen.spec.mode is not spec.mode:
        return
    if any(mesh_problems(lay(seen.spec, spec))) and not any(mesh_problems(spec)):
        missing = "ports: []" if spec.ports is None else "endpoint_mode: vip"
        yield (
            f"service {spec.name} would have both endpoint_mode dnsrr and ports in the routing mesh, one of them kept"
            f" from before since it is not written: write '{missing}', too"
        )


def _swap(spec: ServiceSpec, context: Context) -> Iterator[str]:
    """Yield a limit of swap without one of memory, the one of before included."""
    seen = context.state.service(spec.name)
    limits = spec.limits if seen is None else lay(seen.spec, spec).limits
    if spec.limits is not None and spec.limits.swap and limits is not None and not limits.memory:
        yield "limits: 'swap' means nothing without 'memory': write both, or leave 'swap' out"
