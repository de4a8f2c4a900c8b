"""Containers outside of services in the engine's JSON and in ours: what inspect shows, and what create takes.

``docker run -v`` and ``--tmpfs`` write ``Binds`` and ``Tmpfs``, ``--mount`` writes ``Mounts``; here all are mounts.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING

from swarmnet.edge.engine.wire.engine import endpoint_to_wire
from swarmnet.edge.engine.wire.parts import as_list, as_object, as_text, pruned
from swarmnet.model.engine_json import read, write
from swarmnet.model.plain_container import Made, PlainContainer
from swarmnet.model.service_mounts import PROPAGATIONS
from swarmnet.model.version import ApiVersion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.endpoint import EndpointSpec

SEVERAL_API = ApiVersion(1, 44)
"""The first version that takes several networks, each with a MAC address, when a container is created."""
OWN_MODES = ("host", "none")
_OF_IMAGE = ("WorkingDir", "User", "StopSignal", "Healthcheck", "Shell", "OnBuild")
_ANONYMOUS = re.compile("[0-9a-f]{64}")
_SIZE = re.compile(r"size=([0-9]{1,18})([kmg]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_UNSAID = ("NetworkMode", "ContainerIDFile", "ConsoleSize", "MaskedPaths", "ReadonlyPaths", "Isolation", "Runtime")
"""What engines write by themselves, and what says nothing about the container."""


def made_from_wire(seen: Mapping[str, JsonValue], image: Mapping[str, JsonValue]) -> Made:
    """Return how a container was made: what inspect shows of it, less what inspect shows of its image."""
    config, host = deepcopy(as_object(seen.get("Config"))), deepcopy(as_object(seen.get("HostConfig")))
    given = as_object(image.get("Config"))
    if as_text(config.get("Hostname")) == as_text(seen.get("Id"))[:12]:
        config.pop("Hostname", None)
    config.pop("MacAddress", None)
    mode = as_text(host.get("NetworkMode"))
    for name in _UNSAID:
        host.pop(name, None)
    if mode.startswith("container:"):
        host["NetworkMode"] = mode
        config.pop("Hostname", None)  # the other container's, which engines do not take for this one
    _merge_mounts(host)
    _less_image(config, given, host)
    state = as_object(seen.get("State"))
    code = state.get("ExitCode")
    return Made(
        spec=_spec(seen, {**config, "HostConfig": host}, as_text(config.get("Image"))),
        image=_spec(seen, given, as_text(config.get("Image"))),
        volumes=_anonymous(seen),
        exit_code=code if isinstance(code, int) and not isinstance(code, bool) else 0,
        restarting=state.get("Restarting") is True,
        health=_health(state),
    )


def _health(state: Mapping[str, JsonValue]) -> str:
    word = as_text(as_object(state.get("Health")).get("Status"))
    return "" if word == "none" else word


def _spec(seen: Mapping[str, JsonValue], body: JsonObject, image: str) -> PlainContainer:
    found, left = read(PlainContainer, body)
    name = as_text(seen.get("Name")).removeprefix("/")
    return PlainContainer.model_validate({**found, "name": name, "image": image, "extra": _said(left)})


def _said(left: JsonObject) -> JsonObject:
    """Return what no field took, without what says nothing: engines write out each flag that is off."""
    found: JsonObject = {}
    for key, value in pruned(left).items():
        kept = _said(value) if isinstance(value, dict) else value
        if kept not in ({}, [], "", 0, False, None):
            found[key] = kept
    return found


def _anonymous(seen: Mapping[str, JsonValue]) -> dict[str, str]:
    mounts = [as_object(one) for one in as_list(seen.get("Mounts"))]
    named = {as_text(one.get("Destination")): as_text(one.get("Name")) for one in mounts if one.get("Type") == "volume"}
    return {path: name for path, name in named.items() if _ANONYMOUS.fullmatch(name)}


def _less_image(config: JsonObject, given: JsonObject, host: JsonObject) -> None:
    """Take out of a container's configuration what it has from its image."""
    of_image = {as_text(line) for line in as_list(given.get("Env"))}
    config["Env"] = [line for line in as_list(config.get("Env")) if as_text(line) not in of_image]
    for name in ("Labels", "Volumes", "ExposedPorts"):
        own, theirs = as_object(config.get(name)), as_object(given.get(name))
        config[name] = {key: value for key, value in own.items() if theirs.get(key, "") != value}
    bound = as_object(host.get("PortBindings"))
    config["ExposedPorts"] = {key: one for key, one in as_object(config["ExposedPorts"]).items() if key not in bound}
    if not config.get("Entrypoint") or config.get("Entrypoint") == given.get("Entrypoint"):
        config.pop("Entrypoint", None)
        if not config.get("Cmd") or config.get("Cmd") == given.get("Cmd"):
            config.pop("Cmd", None)
    for name in _OF_IMAGE:
        if config.get(name) == given.get(name):
            config.pop(name, None)
    for name in ("Env", *(("Labels", "Volumes", "ExposedPorts"))):
        if not config.get(name):
            config.pop(name, None)


def _merge_mounts(host: JsonObject) -> None:
    """Turn the short forms of mounts into the long one, where it can say the same."""
    mounts = [*as_list(host.get("Mounts"))]
    kept: list[JsonValue] = []
    for line in as_list(host.get("Binds")):
        mount = _of_bind(as_text(line))
        (kept if mount is None else mounts).append(line if mount is None else mount)
    left: JsonObject = {}
    for path, options in as_object(host.get("Tmpfs")).items():
        tmpfs = _of_tmpfs(path, as_text(options))
        if tmpfs is None:
            left[path] = options
        else:
            mounts.append(tmpfs)
    for name, value in (("Binds", kept), ("Tmpfs", left), ("Mounts", mounts)):
        host[name] = value
        if not value:
            del host[name]


def _of_bind(line: str) -> JsonObject | None:
    parts = line.split(":")
    if len(parts) not in (2, 3) or not parts[0] or not parts[1].startswith("/"):
        return None
    source, target, flags = parts[0], parts[1], parts[2].split(",") if len(parts) > 2 else []  # noqa: PLR2004 - options
    kind = "bind" if source.startswith("/") else "volume"
    mount: JsonObject = {"Type": kind, "Source": source, "Target": target}
    for flag in flags:
        if flag in ("ro", "rw"):
            mount |= {"ReadOnly": True} if flag == "ro" else {}
        elif flag in PROPAGATIONS and kind == "bind":
            mount["BindOptions"] = {"Propagation": flag}
        elif flag == "nocopy" and kind == "volume":
            mount["VolumeOptions"] = {"NoCopy": True}
        else:
            return None
    return mount


def _of_tmpfs(path: str, options: str) -> JsonObject | None:
    match = _SIZE.fullmatch(options)
    if options and match is None:
        return None
    size: JsonObject = {} if match is None else {"SizeBytes": int(match[1]) * _UNITS[match[2].lower()]}
    return {"Type": "tmpfs", "Target": path} | ({"TmpfsOptions": size} if size else {})


def plain_to_wire(spec: PlainContainer, endpoints: Sequence[EndpointSpec], version: ApiVersion) -> JsonObject:
    """Return the body that creates a container, with as many of its networks as the engine takes at once."""
    body = write({}, None, spec)
    host = as_object(body.setdefault("HostConfig", {}))
    targets = {one.target for one in spec.mounts or ()}
    for name, path_of in (("Binds", _bind_target), ("Tmpfs", str)):
        held = host.get(name)
        if isinstance(held, list):
            host[name] = [line for line in held if path_of(as_text(line)) not in targets]
        elif isinstance(held, dict):
            host[name] = {path: line for path, line in held.items() if path not in targets}
    exposed = as_object(body.get("ExposedPorts"))
    body["ExposedPorts"] = {**exposed, **{key: {} for key in as_object(host.get("PortBindings"))}}
    at_once = version >= SEVERAL_API and len(endpoints) > 1 and all(one.mac is None for one in endpoints)
    if endpoints:
        # Engines from 25 on join several networks in any order, and refuse the start unless they know the one that the
        # mode names by then; without a mode the first start succeeds, and docker0 is not joined (seen on 26.1 and
        # 28.5, with names and published ports). They show a requested MAC address only of the one that it names.
        host["NetworkMode"] = "default" if at_once else endpoints[0].network
        if endpoints[0].network not in OWN_MODES:
            first = endpoints if version >= SEVERAL_API else endpoints[:1]
            body["NetworkingConfig"] = {"EndpointsConfig": {one.network: endpoint_to_wire(one) for one in first}}
        if endpoints[0].mac is not None and version < SEVERAL_API:
            body["MacAddress"] = endpoints[0].mac
    return body


def _bind_target(line: str) -> str:
    parts = line.split(":")
    return parts[1] if len(parts) > 1 else line


def limits_to_wire(spec: PlainContainer) -> JsonObject:
    """Return the body that changes limits and restart of a container in place."""
    stated = {name: getattr(spec, name) for name in ("limits", "restart")}
    return as_object(write({}, None, PlainContainer(name=spec.name, image=spec.image, **stated)).get("HostConfig"))
