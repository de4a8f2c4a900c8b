"""Mounts of a service of a stack, as a playbook writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.parse.compose.forms import filled

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.parse.compose.objects import Stack
    from swarmnet.parse.compose.service import Mount, Service

_RECURSIVE = {
    "disabled": "non_recursive",
    "writable": "read_only_non_recursive",
    "readonly": "read_only_force_recursive",
}


def mounts_of(stack: Stack, service: Service) -> JsonValue:
    """Return the mounts of a service, those of ``tmpfs`` last."""
    found: list[JsonValue] = [_mount(stack, one) for one in service.volumes or ()]
    return [*found, *(_tmpfs(one) for one in service.tmpfs or ())]


def _tmpfs(text: str) -> JsonValue:
    path, _, options = text.partition(":")
    mount: JsonObject = {"type": "tmpfs", "target": path}
    words = dict(one.partition("=")[::2] for one in options.split(",") if one)
    part: JsonObject = {key: words.pop(key) for key in ("size", "mode") if key in words}
    if words:
        part["options"] = [f"{key}={value}" if value else key for key, value in words.items()]
    return mount | ({"tmpfs": part} if part else {})


def _mount(stack: Stack, mount: Mount) -> JsonValue:
    volume = stack.file.volumes.get(mount.source) if mount.source and mount.type in ("volume", "cluster") else None
    found: JsonObject = {"type": mount.type}
    if mount.source is not None:
        named = mount.type in ("volume", "cluster") and not mount.source.startswith("group:")
        found["source"] = stack.named(mount.source, volume) if named else mount.source
    found["target"] = mount.target
    if mount.read_only:
        found["read_only"] = True
    if mount.consistency is not None:
        found["consistency"] = mount.consistency
    parts = {"bind": _bind(mount), "volume": _volume(stack, mount)}
    parts |= {name: _part(mount, name) for name in ("tmpfs", "image")}
    found |= {name: part for name, part in parts.items() if part}
    simple = set(found) <= {"type", "source", "target", "read_only"} and mount.type == "bind"
    return f"{mount.source}:{mount.target}{':ro' if mount.read_only else ''}" if simple else found


def _bind(mount: Mount) -> JsonObject:
    if mount.bind is None:
        return {}
    found: JsonObject = {} if mount.bind.propagation is None else {"propagation": mount.bind.propagation}
    if mount.bind.recursive in _RECURSIVE:
        found[_RECURSIVE[mount.bind.recursive]] = True
    return found


def _volume(stack: Stack, mount: Mount) -> JsonObject:
    if mount.type != "volume":
        return {}
    own = mount.volume
    found: JsonObject = {}
    if own is not None:
        found |= {key: value for key, value in (("nocopy", own.nocopy), ("subpath", own.subpath)) if value}
    labels = filled(None if own is None else own.labels)
    volume = stack.file.volumes.get(mount.source or "")
    if not mount.source or (volume is not None and volume.is_external):
        return found | ({"labels": {**labels}} if labels else {})
    if volume is not None and volume.driver is not None:
        found["driver"] = volume.driver
    if volume is not None and volume.driver_opts:
        found["options"] = {**filled(volume.driver_opts)}
    return found | {"labels": stack.labels({**filled(None if volume is None else volume.labels), **labels})}


def _part(mount: Mount, name: str) -> JsonObject:
    part = getattr(mount, name)
    values: JsonObject = {} if part is None else part.model_dump(mode="json", exclude_none=True)
    return values
