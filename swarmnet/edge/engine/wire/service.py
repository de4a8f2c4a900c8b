"""Services and tasks in the engine's JSON and in ours: the fields come from their lines, ids become names here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.edge.engine.wire.named import Names, with_ids, with_names
from swarmnet.edge.engine.wire.parts import as_list, as_object, as_text, index_of, pruned
from swarmnet.model.engine_json import read, write
from swarmnet.model.service import PublishedPort, Service, ServiceSpec, Task
from swarmnet.model.service_codecs import PORTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue

__all__ = ["Names", "service_from_wire", "service_to_wire", "spec_from_wire", "task_from_wire", "updated"]

_TEMPLATE = "TaskTemplate"
_MODE = ("mode", "replicas", "max_concurrent")


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
        previous=spec_from_wire(as_object(seen["PreviousSpec"]), names) if seen.get("PreviousSpec") else None,
        run=_run(as_object(seen.get("JobStatus"))),
    )


def spec_from_wire(seen: Mapping[str, JsonValue], names: Names) -> ServiceSpec:
    """Return what a service's spec says; all that has no field is in ``extra``."""
    body = with_names(seen, names)
    # Deprecated since API 1.44 and only read where the template names none.
    if as_list(body.get("Networks")) and not as_list(as_object(body.get(_TEMPLATE)).get("Networks")):
        body[_TEMPLATE] = {**as_object(body.get(_TEMPLATE)), "Networks": body.pop("Networks")}
    found, left = read(ServiceSpec, body)
    mode = {} if "mode" in found else as_object(seen.get("Mode"))  # an empty object means something there
    kept = pruned(left) | ({"Mode": mode} if mode else {})
    return ServiceSpec.model_validate({"name": "", "image": "", **found, "extra": kept})


def service_to_wire(spec: ServiceSpec, names: Names) -> JsonObject:
    """Return the spec of a new service; networks, configs and secrets must have ids in ``names``."""
    numbers: dict[str, int | None] = {"replicas": 1 if spec.replicas is None else spec.replicas, "max_concurrent": None}
    if spec.mode.is_everywhere:
        numbers["replicas"] = None
    elif spec.mode.is_job:  # as the docker command: all at once
        both = spec.max_concurrent, spec.replicas
        numbers = dict(zip(numbers, (spec.replicas, next((n for n in both if n is not None), 1)), strict=True))
    spec = spec.model_copy(update=numbers)
    body = write({}, None, spec, _skipped(spec))
    if spec.is_plugin and not spec.image:
        as_object(body.get(_TEMPLATE)).pop("ContainerSpec", None)  # a task is either, and no engine takes both
    return with_ids(_one_by_one(body), names)


def updated(present: Mapping[str, JsonValue], wanted: ServiceSpec, read_as: Names, names: Names) -> JsonObject:
    """Return the present spec with all that is wanted otherwise; the rest stays exactly as it is.

    Engines restart the tasks of a service whose task template differs in any way, even by an empty object.

    Args:
        present: the spec as the engine has it.
        wanted: how it should be, in full.
        read_as: the ids by which ``present`` is read.
        names: the ids that are written.
    """
    before = spec_from_wire(present, read_as)
    body = write(with_names(present, read_as), before, wanted, _skipped(wanted))
    if as_object(body.get(_TEMPLATE)).get("Networks") != as_object(present.get(_TEMPLATE)).get("Networks") and (
        before.networks != wanted.networks
    ):
        body.pop("Networks", None)  # engines change the old place only by giving it up
    return with_ids(_one_by_one(body), names)


def _one_by_one(body: JsonObject) -> JsonObject:
    """Return a spec whose policies name how many tasks change at a time.

    Without a policy engines change one task at a time; one that does not name the number says all at once (seen on
    20.10, 26.1 and 28.5). Left out, it is one, as with the docker command.
    """
    policies = {key: as_object(body[key]) for key in ("UpdateConfig", "RollbackConfig") if body.get(key)}
    return {**body, **{key: {"Parallelism": 1, **policy} for key, policy in policies.items()}}


def _skipped(spec: ServiceSpec) -> tuple[str, ...]:
    return _MODE if "Mode" in spec.extra else ()


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
        run=_run(seen),
        published=_published(as_object(status.get("PortStatus"))),
        image=as_text(as_object(as_object(seen.get("Spec")).get("ContainerSpec")).get("Image")),
    )


def _run(seen: Mapping[str, JsonValue]) -> int | None:
    """Return which run of a job is meant; engines leave the number of the first out."""
    said = seen.get("JobIteration")
    number = as_object(said).get("Index", 0) if said is not None else None
    return number if isinstance(number, int) else None


def _published(seen: JsonObject) -> tuple[PublishedPort, ...]:
    """Return the ports given, each once: engines with IPv6 name those of host mode twice (26.1, 28.5)."""
    entries = [PORTS.entry(as_object(entry)) for entry in as_list(seen.get("Ports"))]
    return tuple(dict.fromkeys(port for port in entries if port is not None))


def _addresses(entry: JsonObject) -> tuple[str, tuple[str, ...]]:
    network = as_object(entry.get("Network"))
    name = as_text(as_object(network.get("Spec")).get("Name")) or as_text(network.get("ID"))
    return name, tuple(as_text(address) for address in as_list(entry.get("Addresses")))
