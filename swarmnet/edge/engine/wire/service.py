"""Services and tasks in the engine's JSON and in ours.

A list counts as known only when all its entries are: a list with one strange entry (a named port, a config without a
file) is kept whole in ``extra``, so that what is written back is what was read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from swarmnet.edge.engine.wire.named import with_ids, without_ids
from swarmnet.edge.engine.wire.parts import Parts, as_list, as_object, as_text, index_of, made, nanoseconds
from swarmnet.edge.engine.wire.policy import (
    policy_to_wire,
    resources_to_wire,
    restart_to_wire,
    take_policy,
    take_resources,
    take_restart,
)
from swarmnet.model.merge import merge
from swarmnet.model.service import (
    JOBS,
    Attachment,
    EndpointMode,
    FileReference,
    Protocol,
    PublishedPort,
    PublishMode,
    Service,
    ServiceMode,
    ServiceSpec,
    Task,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from swarmnet.model.base import JsonObject, JsonValue

_TEMPLATE = "TaskTemplate"
_CONTAINER = (_TEMPLATE, "ContainerSpec")
_MODES = (EndpointMode.VIP.value, EndpointMode.DNSRR.value)
Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Names:
    """Ids by name: of swarm-scoped networks, configs and secrets. What has no name here keeps its id as name."""

    networks: Mapping[str, str] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def network_of(self, network_id: str) -> str:
        """Return the name of a network."""
        return next((name for name, known in self.networks.items() if known == network_id), network_id)


def service_from_wire(seen: Mapping[str, JsonValue], names: Names) -> Service:
    """Return a service as a manager lists it."""
    endpoint = as_object(seen.get("Endpoint"))
    addresses = [as_object(address) for address in as_list(endpoint.get("VirtualIPs"))]
    status = as_object(seen.get("UpdateStatus"))
    return Service(
        id=as_text(seen.get("ID")),
        version=index_of(seen),
        spec=spec_from_wire(as_object(seen.get("Spec")), names),
        virtual_ips={
            names.network_of(as_text(address.get("NetworkID"))): as_text(address["Addr"])
            for address in addresses
            if address.get("Addr")
        },
        published=_published(endpoint),
        update_state=as_text(status.get("State")) or None,
        update_message=as_text(status.get("Message")) or None,
    )


def spec_from_wire(seen: Mapping[str, JsonValue], names: Names) -> ServiceSpec:
    """Return what a service's spec says; all that has no field is in ``extra``."""
    parts = Parts(seen, ServiceSpec)
    # Deprecated since API 1.44 and only read where the template names none.
    if as_list(parts.look("Networks")) and not as_list(parts.look(_TEMPLATE, "Networks")):
        as_object(parts.look(_TEMPLATE))["Networks"] = parts.take("Networks")
    mode, replicas = _take_mode(parts)
    reserved = "EndpointSpec"
    return ServiceSpec(
        name=parts.take_text("Name") or "",
        image=parts.take_text(*_CONTAINER, "Image") or "",
        command=parts.take_texts(*_CONTAINER, "Command"),
        args=parts.take_texts(*_CONTAINER, "Args"),
        env=_take_env(parts),
        mode=mode,
        replicas=replicas,
        networks=_take_list(parts, (_TEMPLATE, "Networks"), lambda entry: _attachment(entry, names)),
        ports=_take_list(parts, (reserved, "Ports"), _port),
        endpoint_mode=EndpointMode(as_text(parts.take(reserved, "Mode")))
        if parts.look(reserved, "Mode") in _MODES
        else None,
        constraints=parts.take_texts(_TEMPLATE, "Placement", "Constraints"),
        max_replicas_per_node=parts.take_int(_TEMPLATE, "Placement", "MaxReplicas", into="max_replicas_per_node"),
        limits=take_resources(parts, (_TEMPLATE, "Resources", "Limits")),
        reservations=take_resources(parts, (_TEMPLATE, "Resources", "Reservations")),
        update=take_policy(parts, "UpdateConfig"),
        rollback=take_policy(parts, "RollbackConfig"),
        restart=take_restart(parts, (_TEMPLATE, "RestartPolicy")),
        configs=_take_list(parts, (*_CONTAINER, "Configs"), lambda entry: _file(entry, "Config")),
        secrets=_take_list(parts, (*_CONTAINER, "Secrets"), lambda entry: _file(entry, "Secret")),
        labels=parts.take_labels("Labels") or {},
        container_labels=parts.take_labels(*_CONTAINER, "Labels"),
        hostname=parts.take_text(*_CONTAINER, "Hostname"),
        user=parts.take_text(*_CONTAINER, "User"),
        workdir=parts.take_text(*_CONTAINER, "Dir"),
        stop_grace_period=parts.take_seconds(*_CONTAINER, "StopGracePeriod"),
        extra=without_ids(parts.rest()) | _job(seen),
    )


def _job(seen: Mapping[str, JsonValue]) -> JsonObject:
    """Return the mode of a job as it is: a global job is an empty object, which means something here."""
    mode = as_object(seen.get("Mode"))
    return {"Mode": mode} if JOBS & mode.keys() else {}


def _take_mode(parts: Parts) -> tuple[ServiceMode, int | None]:
    """Take the mode; jobs have no field and stay in ``extra``, whose mode then goes first on the way back."""
    mode = as_object(parts.look("Mode"))
    if set(mode) == {"Global"}:
        parts.take("Mode")
        return ServiceMode.GLOBAL, None
    if set(mode) == {"Replicated"} and set(as_object(mode["Replicated"])) <= {"Replicas"}:
        replicas = parts.take_int("Mode", "Replicated", "Replicas", into="replicas")
        if parts.look("Mode", "Replicated", "Replicas") is None:
            parts.take("Mode")
        return ServiceMode.REPLICATED, replicas
    return ServiceMode.REPLICATED, None


def _take_env(parts: Parts) -> dict[str, str] | None:
    """Take the environment, unless it unsets a variable or names one twice: no map can say that."""
    path = (*_CONTAINER, "Env")
    lines = parts.look(*path)
    if not isinstance(lines, list) or not all(isinstance(line, str) and "=" in line for line in lines):
        return None
    pairs = [cast("str", line).split("=", 1) for line in lines]
    env = dict(pairs)
    if len(env) < len(pairs):
        return None
    parts.take(*path)
    return env


def _take_list(
    parts: Parts, path: tuple[str, ...], read: Callable[[JsonObject], Entry | None]
) -> tuple[Entry, ...] | None:
    seen = parts.look(*path)
    if not isinstance(seen, list):
        return None
    entries = [read(as_object(entry)) for entry in seen]
    known = [entry for entry in entries if entry is not None]
    if len(known) < len(entries):
        return None
    parts.take(*path)
    return tuple(known)


def _attachment(entry: JsonObject, names: Names) -> Attachment | None:
    parts = Parts(entry)
    attachment = Attachment(
        network=names.network_of(parts.take_text("Target") or ""),
        aliases=parts.take_texts("Aliases") or (),
        options=parts.take_labels("DriverOpts") or {},
    )
    return attachment if not parts.rest() else None


def _port(entry: JsonObject) -> PublishedPort | None:
    parts = Parts(entry)
    fields = {
        "target": parts.take_int("TargetPort"),
        "published": parts.take_int("PublishedPort") or None,
        "protocol": parts.take_text("Protocol") or Protocol.TCP.value,
        "mode": parts.take_text("PublishMode") or PublishMode.INGRESS.value,
    }
    return made(PublishedPort, fields) if not parts.rest() else None


def _file(entry: JsonObject, kind: str) -> FileReference | None:
    """Read one config or secret; its id is that of its name and is looked up again when it is written."""
    parts = Parts(entry)
    parts.take(f"{kind}ID")
    fields = {
        "source": parts.take_text(f"{kind}Name"),
        "target": parts.take_text("File", "Name"),
        "uid": parts.take_text("File", "UID") or "0",
        "gid": parts.take_text("File", "GID") or "0",
        "mode": parts.take_int("File", "Mode") or 0,
    }
    return made(FileReference, fields) if not parts.rest() else None


def service_to_wire(spec: ServiceSpec, names: Names) -> JsonObject:
    """Return the whole spec as the engine takes it; networks, configs and secrets must have ids in ``names``."""
    body: JsonObject = {
        "Name": spec.name,
        "Labels": dict(spec.labels),
        _TEMPLATE: _template(spec, names),
        "UpdateConfig": policy_to_wire(spec.update),
        "RollbackConfig": policy_to_wire(spec.rollback),
        # Engines write the default mode into an empty one, which ends all tasks, and nothing into none.
        "EndpointSpec": _endpoint(spec) or None,
    }
    if "Mode" not in spec.extra:
        body["Mode"] = _mode(spec)
    return merge(with_ids(spec.extra, names.configs, names.secrets), _stated(body))


def _mode(spec: ServiceSpec) -> JsonObject:
    if spec.mode is ServiceMode.GLOBAL:
        return {"Global": {}}
    return {"Replicated": {"Replicas": 1 if spec.replicas is None else spec.replicas}}


def _template(spec: ServiceSpec, names: Names) -> JsonObject:
    return _stated(
        {
            "ContainerSpec": _container(spec, names),
            "Resources": _stated(
                {"Limits": resources_to_wire(spec.limits), "Reservations": resources_to_wire(spec.reservations)}
            ),
            "RestartPolicy": restart_to_wire(spec.restart),
            "Placement": _stated(
                {
                    "Constraints": None if spec.constraints is None else list(spec.constraints),
                    "MaxReplicas": spec.max_replicas_per_node,
                }
            ),
            "Networks": None
            if spec.networks is None
            else [_wire_attachment(attachment, names) for attachment in spec.networks],
        }
    )


def _container(spec: ServiceSpec, names: Names) -> JsonObject:
    return _stated(
        {
            "Image": spec.image,
            "Command": None if spec.command is None else list(spec.command),
            "Args": None if spec.args is None else list(spec.args),
            "Env": None if spec.env is None else [f"{name}={value}" for name, value in spec.env.items()],
            "Labels": None if spec.container_labels is None else dict(spec.container_labels),
            "Hostname": spec.hostname,
            "User": spec.user,
            "Dir": spec.workdir,
            "StopGracePeriod": None if spec.stop_grace_period is None else nanoseconds(spec.stop_grace_period),
            "Configs": _wire_files(spec.configs, "Config", names.configs),
            "Secrets": _wire_files(spec.secrets, "Secret", names.secrets),
        }
    )


def _wire_attachment(attachment: Attachment, names: Names) -> JsonObject:
    entry: JsonObject = {"Target": names.networks.get(attachment.network, attachment.network)}
    if attachment.aliases:
        entry["Aliases"] = list(attachment.aliases)
    if attachment.options:
        entry["DriverOpts"] = dict(attachment.options)
    return entry


def _wire_files(files: tuple[FileReference, ...] | None, kind: str, ids: Mapping[str, str]) -> JsonValue:
    if files is None:
        return None
    return [
        {
            f"{kind}ID": ids.get(file.source, file.source),
            f"{kind}Name": file.source,
            "File": {"Name": file.target, "UID": file.uid, "GID": file.gid, "Mode": file.mode},
        }
        for file in files
    ]


def _endpoint(spec: ServiceSpec) -> JsonObject:
    return _stated(
        {
            "Mode": spec.endpoint_mode.value if spec.endpoint_mode else None,
            "Ports": None if spec.ports is None else [_wire_port(port) for port in spec.ports],
        }
    )


def _wire_port(port: PublishedPort) -> JsonObject:
    entry: JsonObject = {
        "Protocol": port.protocol.value,
        "TargetPort": port.target,
        "PublishMode": port.mode.value,
    }
    if port.published is not None:
        entry["PublishedPort"] = port.published
    return entry


def _stated(fields: JsonObject) -> JsonObject:
    """Return the fields that say something; an empty list or map says that there shall be none."""
    return {name: value for name, value in fields.items() if value is not None}


def task_from_wire(seen: Mapping[str, JsonValue]) -> Task:
    """Return a task as a manager lists it; attachments of containers have no service."""
    status = as_object(seen.get("Status"))
    slot = seen.get("Slot")
    attached = as_object(as_object(seen.get("Spec")).get("NetworkAttachmentSpec"))
    container = as_object(status.get("ContainerStatus")).get("ContainerID") or attached.get("ContainerID")
    return Task(
        id=as_text(seen.get("ID")),
        service_id=as_text(seen.get("ServiceID")) or None,
        node_id=as_text(seen.get("NodeID")) or None,
        slot=slot if isinstance(slot, int) and slot else None,
        state=as_text(status.get("State")),
        desired_state=as_text(seen.get("DesiredState")),
        message=as_text(status.get("Err")) or as_text(status.get("Message")),
        networks=dict(_addresses(as_object(entry)) for entry in as_list(seen.get("NetworksAttachments"))),
        container_id=as_text(container) or None,
        published=_published(as_object(status.get("PortStatus"))),
    )


def _published(seen: JsonObject) -> tuple[PublishedPort, ...]:
    """Return the ports given, each once: engines with IPv6 name those of host mode twice (26.1, 28.5)."""
    entries = [as_object(entry) for entry in as_list(seen.get("Ports"))]
    return tuple(dict.fromkeys(port for entry in entries if (port := _port(entry)) is not None))


def _addresses(entry: JsonObject) -> tuple[str, tuple[str, ...]]:
    network = as_object(entry.get("Network"))
    name = as_text(as_object(network.get("Spec")).get("Name")) or as_text(network.get("ID"))
    return name, tuple(as_text(address) for address in as_list(entry.get("Addresses")))
