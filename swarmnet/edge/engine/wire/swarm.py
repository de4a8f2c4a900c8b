"""The swarm, its nodes, configs and secrets in the engine's JSON and in ours."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from swarmnet.edge.engine.wire.parts import (
    as_labels,
    as_list,
    as_object,
    as_text,
    block_of,
    index_of,
    pruned,
)
from swarmnet.model.codecs import BYTES, seconds
from swarmnet.model.engine_json import read, write
from swarmnet.model.fields import fits
from swarmnet.model.merge import lay
from swarmnet.model.swarm import (
    Config,
    ConfigSpec,
    Node,
    NodeResources,
    NodeSpec,
    SecretSpec,
    StoredSecret,
    Swarm,
    SwarmSpec,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import Document, JsonObject, JsonValue, Secret


def swarm_from_wire(seen: Mapping[str, JsonValue]) -> Swarm:
    """Return the swarm as a manager shows it; pool, subnet size and port are outside of the engine's spec."""
    # Engines take pools with host bits and show them as they came.
    pools = tuple(block_of(pool) for pool in as_list(seen.get("DefaultAddrPool")))
    stated = {
        "default_addr_pool": pools,
        "subnet_size": seen.get("SubnetSize"),
        "data_path_port": seen.get("DataPathPort"),
    }
    fixed = {name: value for name, value in stated.items() if value and fits(SwarmSpec, name, value)}
    spec = spec_from_wire(as_object(seen.get("Spec")))
    return Swarm(
        id=as_text(seen.get("ID")),
        version=index_of(seen),
        spec=SwarmSpec.model_validate({**dict(spec), **fixed}),
        root_rotation=seen.get("RootRotationInProgress") is True,
        ca_digest=_root(seen),
    )


def _root(seen: Mapping[str, JsonValue]) -> str:
    root = as_text(as_object(seen.get("TLSInfo")).get("TrustRoot"))
    return sha256(root.encode()).hexdigest() if root else ""


def spec_from_wire(seen: Mapping[str, JsonValue]) -> SwarmSpec:
    """Return what a swarm's spec says; all that has no field is in ``extra``."""
    found, left = read(SwarmSpec, seen)
    return SwarmSpec.model_validate({**found, "extra": pruned(left)})


def swarm_to_wire(spec: SwarmSpec) -> JsonObject:
    """Return the spec that init takes."""
    return write({}, None, spec)


def updated(present: Mapping[str, JsonValue], wanted: SwarmSpec, *, whole: bool = False) -> JsonObject:
    """Return the whole spec that an update must send: the present one with all that is wanted otherwise.

    ``whole`` takes the labels that are not wanted away; each other field is there or not managed.
    """
    before = spec_from_wire(present)
    return write(present, before, lay(before.model_copy(update={"labels": {}}) if whole else before, wanted))


def node_from_wire(seen: Mapping[str, JsonValue]) -> Node:
    """Return a node as a manager lists it."""
    described = as_object(seen.get("Description"))
    engine, platform = as_object(described.get("Engine")), as_object(described.get("Platform"))
    status, manager = as_object(seen.get("Status")), as_object(seen.get("ManagerStatus"))
    return Node(
        id=as_text(seen.get("ID")),
        version=index_of(seen),
        hostname=as_text(described.get("Hostname")),
        spec=node_spec_from_wire(as_object(seen.get("Spec"))),
        status=as_text(status.get("State")),
        address=_address(as_text(status.get("Addr")), as_text(manager.get("Addr"))),
        reachability=as_text(manager.get("Reachability")) or None,
        is_leader=manager.get("Leader") is True,
        manager_address=as_text(manager.get("Addr")) or None,
        engine_version=as_text(engine.get("EngineVersion")).partition("+")[0],
        platform="/".join(filter(None, (as_text(platform.get("OS")), as_text(platform.get("Architecture"))))),
        engine_labels=as_labels(engine.get("Labels")),
        resources=_resources(as_object(described.get("Resources"))),
        ca_digest=_root(described),
    )


def _resources(seen: Mapping[str, JsonValue]) -> NodeResources | None:
    """Return what a node has; named generic resources count one each."""
    cpus, memory = seen.get("NanoCPUs"), seen.get("MemoryBytes")
    if not isinstance(cpus, int) or not isinstance(memory, int):
        return None
    generic: Counter[str] = Counter()
    for one in map(as_object, as_list(seen.get("GenericResources"))):
        named, counted = as_object(one.get("NamedResourceSpec")), as_object(one.get("DiscreteResourceSpec"))
        number = counted.get("Value")
        generic[as_text((named or counted).get("Kind"))] += 1 if named else number if isinstance(number, int) else 0
    return NodeResources(cpus=seconds(cpus), memory=memory, generic=dict(generic))


def _address(address: str, manager: str) -> str:
    """Return a node's address; a leader may report 0.0.0.0 for itself (moby#35437)."""
    if address in ("", "0.0.0.0", "::") and manager:  # noqa: S104  # compared, not listened on
        return manager.rpartition(":")[0].strip("[]")
    return address


def node_spec_from_wire(seen: Mapping[str, JsonValue]) -> NodeSpec:
    """Return a node's spec; a word that is not known here is not managed, and an update sends it back as it is."""
    found, _ = read(NodeSpec, {**seen, "Labels": dict(as_labels(seen.get("Labels")))})
    return NodeSpec.model_validate(found)


def node_spec_to_wire(present: Mapping[str, JsonValue], spec: NodeSpec) -> JsonObject:
    """Return the whole spec that a node update must send: ``present`` with the managed fields laid over."""
    return write(present, None, spec)


def config_from_wire(seen: Mapping[str, JsonValue]) -> Config:
    """Return a config as a manager lists it, its data decoded."""
    spec = ConfigSpec.model_validate({"name": "", "data": b"", **_content(ConfigSpec, seen)})
    return Config(id=as_text(seen.get("ID")), version=index_of(seen), spec=spec)


def config_to_wire(spec: ConfigSpec) -> JsonObject:
    """Return the body that makes a config."""
    return write({}, None, spec)


def secret_from_wire(seen: Mapping[str, JsonValue]) -> StoredSecret:
    """Return a secret as a manager lists it."""
    spec = SecretSpec.model_validate({"name": "", **_content(SecretSpec, seen)})
    return StoredSecret(id=as_text(seen.get("ID")), version=index_of(seen), spec=spec)


def secret_to_wire(spec: SecretSpec, data: Secret) -> JsonObject:
    """Return the body that makes a secret."""
    return {**write({}, None, spec), "Data": BYTES.write(data.reveal(), None)}


def _content(spec: type[Document], seen: Mapping[str, JsonValue]) -> dict[str, Any]:
    found, left = read(spec, as_object(seen.get("Spec")))
    return {**found, "extra": pruned(left)}
