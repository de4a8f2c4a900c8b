"""The one comparison of how something shall be with how it was seen; playbooks, restores and drift share it.

Rules for all resources: None in the wanted spec is not managed; labels and options are compared as a subset, unless
``exact`` is asked for, which also finds what is there and not wanted. Sets written as lists are compared unordered.
A field that the engine left out counts as the engine's default, so that a resource made without it shows no drift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.constraint import normal_constraint
from swarmnet.model.fields import Effect
from swarmnet.model.network import Scope
from swarmnet.model.plan import Change
from swarmnet.model.service import Resources, RestartPolicy, ServiceMode, UpdatePolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from swarmnet.model.base import JsonValue, Labels
    from swarmnet.model.network import Network, NetworkSpec, Subnet
    from swarmnet.model.service import Attachment, FileReference, PublishedPort, ServiceSpec
    from swarmnet.model.swarm import NodeSpec, SwarmSpec

VNI_OPTION = "com.docker.network.driver.overlay.vxlanid_list"
SERIAL_OPTION = "com.docker.network.ipam.serial"
"""Added by the allocator to the IPAM options of overlays that have any (moby cnmallocator)."""
PRESENCE_OPTIONS = frozenset({"encrypted", "dsr"})
"""Options that the overlay driver reads by presence, whatever their value (moby ov_network.go)."""

INIT_ONLY: Mapping[str, JsonValue] = {
    "default_addr_pool": ["10.0.0.0/8"],
    "subnet_size": 24,
    "data_path_port": 4789,
}
"""What ``swarm init`` sets for good, with the engine's defaults."""
_SWARM_DEFAULTS: Mapping[str, JsonValue] = {
    **INIT_ONLY,
    "task_history": 5,
    "cert_expiry": 7776000.0,
    "heartbeat": 5.0,
    "snapshot_interval": 10000,
    "autolock": False,
}
_VOLATILE = frozenset({"ForceUpdate", "ForceRotate"})
"""Keys of the engine's own JSON that change without a change of meaning: they count what was asked for once."""


def numbered(wanted: NetworkSpec, seen: Network) -> NetworkSpec:
    """Return a network as it is, with its VXLAN identifiers where some are asked for: as many, others are its own."""
    asked = wanted.options.get(VNI_OPTION)
    if asked is None or not seen.vnis:  # one that is only predicted has none
        return seen.spec
    present = ",".join(str(vni) for vni in seen.vnis[: asked.count(",") + 1])
    return seen.spec.model_copy(update={"options": seen.spec.options | {VNI_OPTION: present}})


def network_changes(wanted: NetworkSpec, seen: NetworkSpec, *, exact: bool = False) -> tuple[Change, ...]:
    """Return how a network differs; ``labels.*`` are the only paths that do not call for making it anew."""
    inherits = wanted.config_from is not None
    plain = ["internal", "attachable", "ingress", "config_only"] + ([] if inherits else ["ipv6"])
    changes = [*_plain(plain, wanted, seen), *_text("config_from", wanted.config_from, seen.config_from)]
    if not wanted.config_only:
        changes += _text("driver", wanted.driver, seen.driver)
    if wanted.scope is not None or exact:
        changes += _text("scope", wanted.effective_scope.value, seen.effective_scope.value)
    if not inherits:
        changes += _plain(["encrypted"] + ([] if wanted.mtu is None and not exact else ["mtu"]), wanted, seen)
        changes += _text("ipam_driver", wanted.ipam_driver or "default", seen.ipam_driver or "default")
    changes += _subnets(wanted, seen, exact=exact)
    changes += _mapping("ipam_options", wanted.ipam_options, _less(seen.ipam_options, SERIAL_OPTION), exact=exact)
    options = seen.options if VNI_OPTION in wanted.options else _less(seen.options, VNI_OPTION)
    changes += _mapping("options", _by_presence(wanted.options), _by_presence(options), exact=exact)
    found = [one.model_copy(update={"effect": Effect.REPLACE}) for one in changes]
    labels = _mapping("labels", wanted.labels, seen.labels, exact=exact)
    return (*found, *(one.model_copy(update={"effect": Effect.NOTHING}) for one in labels))


def service_changes(wanted: ServiceSpec, seen: ServiceSpec, *, exact: bool = False) -> tuple[Change, ...]:
    """Return how a service differs; a change at ``mode`` calls for making it anew, all others update it."""
    image = seen.image if "@" in wanted.image else seen.image.partition("@")[0]
    changes = [*_text("mode", wanted.mode.value, seen.mode.value), *_text("image", wanted.image, image)]
    for name, normal in _SERVICE_FIELDS.items():
        value = getattr(wanted, name)
        managed = value is not None or exact
        if managed and not (name == "replicas" and wanted.mode is ServiceMode.GLOBAL):
            changes += _parts(name, normal(value), normal(getattr(seen, name)))
    changes += _mapping("labels", wanted.labels, seen.labels, exact=exact)
    changes += _extra(wanted.extra, seen.extra, exact=exact)
    return tuple(one.model_copy(update={"effect": _service_effect(one.path)}) for one in changes)


def _service_effect(path: str) -> Effect:
    name = path.partition(".")[0]
    if name == "mode":
        return Effect.REPLACE
    if name in ("labels", "replicas", "update", "rollback"):
        return Effect.UPDATE
    if name in ("constraints", "max_replicas_per_node"):
        return Effect.MOVES_TASKS
    return Effect.RESTARTS_ENDPOINT if name in ("ports", "endpoint_mode") else Effect.RESTARTS_TASKS


def swarm_changes(wanted: SwarmSpec, seen: SwarmSpec, *, exact: bool = False) -> tuple[Change, ...]:
    """Return how a swarm differs; paths in ``INIT_ONLY`` cannot be changed any more."""
    changes: list[Change] = []
    for name, default in _SWARM_DEFAULTS.items():
        value = getattr(wanted, name)
        if value is None and not exact:
            continue
        before, after = (default if one in (None, ()) else _json(one) for one in (getattr(seen, name), value))
        effect = Effect.REPLACE if name in INIT_ONLY else Effect.UPDATE
        changes += (one.model_copy(update={"effect": effect}) for one in _parts(name, after, before))
    changes += _mapping("labels", wanted.labels, seen.labels, exact=exact)
    changes += _extra(wanted.extra, seen.extra, exact=exact)
    return tuple(changes)


def node_changes(wanted: NodeSpec, seen: NodeSpec, *, exact: bool = False) -> tuple[Change, ...]:
    """Return how a node differs in role, availability and labels."""
    changes: list[Change] = []
    for name in ("role", "availability"):
        value, before = getattr(wanted, name), getattr(seen, name)
        if value is not None:
            changes += _text(name, value.value, None if before is None else before.value)
    return (*changes, *_mapping("labels", wanted.labels, seen.labels, exact=exact))


def subnets_match(wanted: tuple[Subnet, ...], seen: tuple[Subnet, ...], *, local: bool, exact: bool = False) -> bool:
    """Tell whether each wanted block has its own seen block, and none of a wanted family is left over."""
    by_prefix = {block.subnet: block for block in seen}
    if any(not _block_matches(block, by_prefix.get(block.subnet), local=local) for block in wanted):
        return False
    families = {_family(block) for block in wanted}
    surplus = by_prefix.keys() - {block.subnet for block in wanted}
    return not any(exact or _family(by_prefix[prefix]) in families for prefix in surplus)


def _block_matches(wanted: Subnet, seen: Subnet | None, *, local: bool) -> bool:
    if seen is None:
        return False
    pairs = [(wanted.gateway, seen.gateway), (wanted.ip_range, seen.ip_range)]
    reserved = not local or wanted.aux_addresses.items() <= seen.aux_addresses.items()
    return reserved and all(want is None or want == have for want, have in pairs)


def _family(block: Subnet) -> int:
    return 6 if ":" in block.subnet else 4


def _subnets(wanted: NetworkSpec, seen: NetworkSpec, *, exact: bool) -> Iterable[Change]:
    local = wanted.effective_scope is Scope.LOCAL
    if wanted.subnets and not subnets_match(wanted.subnets, seen.subnets, local=local, exact=exact):
        before, after = (sorted(_block(block) for block in spec.subnets) for spec in (seen, wanted))
        yield Change(path="subnets", before=list(before), after=list(after))


def _block(block: Subnet) -> str:
    details = [("gateway", block.gateway), ("range", block.ip_range)]
    return block.subnet + "".join(f" {word} {value}" for word, value in details if value is not None)


def _plain(names: Iterable[str], wanted: object, seen: object) -> Iterable[Change]:
    for name in names:
        yield from _parts(name, getattr(wanted, name), getattr(seen, name))


def _text(path: str, wanted: str | None, seen: str | None) -> Iterable[Change]:
    yield from _parts(path, wanted or None, seen or None)


def _parts(path: str, after: JsonValue, before: JsonValue) -> Iterable[Change]:
    """Yield one change, or one for each key where both sides are mappings."""
    if isinstance(after, dict) and isinstance(before, dict):
        yield from _mapping(path, after, before, exact=True)
    elif after != before:
        yield Change(path=path, before=before, after=after)


def _mapping(
    path: str, wanted: Mapping[str, JsonValue] | Labels, seen: Mapping[str, JsonValue] | Labels, *, exact: bool
) -> Iterable[Change]:
    keys = sorted({*wanted, *seen} if exact else wanted)
    for key in keys:
        before, after = seen.get(key), wanted.get(key)
        if before != after or (key in wanted) != (key in seen):
            yield Change(path=f"{path}.{key}", before=before, after=after)


def _extra(wanted: Mapping[str, JsonValue], seen: Mapping[str, JsonValue], *, exact: bool) -> Iterable[Change]:
    for key in sorted({*wanted, *seen} if exact else wanted):
        before, after = _steady(seen.get(key)), _steady(wanted.get(key))
        same = _contains(before, after) and (not exact or _contains(after, before))
        if not same:
            yield Change(path=f"extra.{key}", before=before, after=after)


def _steady(value: JsonValue) -> JsonValue:
    """Return the engine's own JSON without what changes by itself."""
    if not isinstance(value, dict):
        return value
    return {key: _steady(inner) for key, inner in value.items() if key not in _VOLATILE}


def _contains(seen: JsonValue, wanted: JsonValue) -> bool:
    """Tell whether all that is wanted is there; null, empty list and empty mapping are one (the engine mixes them)."""
    if isinstance(wanted, dict) and isinstance(seen, dict):
        return all(_contains(seen.get(key), value) for key, value in wanted.items())
    return seen == wanted or (seen in (None, {}, []) and wanted in (None, {}, []))


def _less(options: Labels, key: str) -> Labels:
    return {name: value for name, value in options.items() if name != key}


def _by_presence(options: Labels) -> Labels:
    return {name: "" if name in PRESENCE_OPTIONS else value for name, value in options.items()}


def _json(value: object) -> JsonValue:
    if isinstance(value, tuple):
        return sorted(value)
    return value if isinstance(value, str | int | float | bool) else None


def _listed(value: tuple[str, ...] | None) -> JsonValue:
    return list(value or ())


def _same(default: JsonValue) -> Callable[[JsonValue], JsonValue]:
    return lambda value: default if value is None else value


def _env(value: dict[str, str] | None) -> JsonValue:
    return dict(value or {})


def _networks(value: tuple[Attachment, ...] | None) -> JsonValue:
    return {one.network: {"aliases": [*sorted(one.aliases)], "options": {**one.options}} for one in value or ()}


def port_text(port: PublishedPort) -> str:
    """Return a port as people write it: ``8080:80/tcp``, with ``@host`` for host mode."""
    front = "" if port.published is None else f"{port.published}:"
    return f"{front}{port.target}/{port.protocol}" + ("@host" if port.mode.value == "host" else "")


def _ports(value: tuple[PublishedPort, ...] | None) -> JsonValue:
    return [*sorted(port_text(port) for port in value or ())]


def _constraints(value: tuple[str, ...] | None) -> JsonValue:
    return [*sorted({normal_constraint(text) for text in value or ()})]


def _files(value: tuple[FileReference, ...] | None) -> JsonValue:
    return {one.target: f"{one.source} {one.uid}:{one.gid} {one.mode:04o}" for one in value or ()}


def _resources(value: Resources | None) -> JsonValue:
    limits = value or Resources()
    return {"cpus": None if limits.cpus is None else round(limits.cpus, 9), "memory": limits.memory}


def _policy(value: UpdatePolicy | None) -> JsonValue:
    policy = value or UpdatePolicy()
    # The engine reads a monitor of zero as not set.
    return policy.model_copy(update={"monitor": policy.monitor or 5.0}).model_dump(mode="json")


def _restart(value: RestartPolicy | None) -> JsonValue:
    return (value or RestartPolicy()).model_dump(mode="json")


def _endpoint_mode(value: str | None) -> JsonValue:
    return str(value or "vip")


_SERVICE_FIELDS: Mapping[str, Callable[..., JsonValue]] = {
    "command": _listed,
    "args": _listed,
    "env": _env,
    "replicas": _same(1),
    "networks": _networks,
    "ports": _ports,
    "endpoint_mode": _endpoint_mode,
    "constraints": _constraints,
    "max_replicas_per_node": _same(0),
    "limits": _resources,
    "reservations": _resources,
    "update": _policy,
    "rollback": _policy,
    "restart": _restart,
    "configs": _files,
    "secrets": _files,
    "container_labels": _env,
    "hostname": _same(""),
    "user": _same(""),
    "workdir": _same(""),
    "stop_grace_period": _same(10.0),
}
"""Every managed field of a service, with what makes it comparable and gives None the engine's default."""
