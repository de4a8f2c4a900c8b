"""What the parts of a stack file say of each other: names that are not declared, cycles, ports that two publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.parse.check import closest
from swarmnet.parse.compose import short
from swarmnet.parse.compose.objects import DEFAULT
from swarmnet.parse.compose.service_step import networks_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.parse.check import Checker
    from swarmnet.parse.compose.model import ComposeFile
    from swarmnet.parse.compose.service import Mount, Service
    from swarmnet.parse.yaml import Path

_RELATIVE = "engines see the files of their own hosts only: make it a config or secret, or write a path of the nodes"


_PARTS = {"bind": ("bind", "npipe"), "volume": ("volume",), "tmpfs": ("tmpfs",), "image": ("image",)}
"""Options of mounts, and the types that have them."""
_EXTERNAL = {"name", "external"}
"""What may be said of things that others made."""


def check_references(file: ComposeFile, services: Mapping[str, Service], checker: Checker) -> None:
    """Complain about what services name and the file does not declare, and about what two of them want."""
    for name, service in services.items():
        path: Path = ("services", name)
        _image(service, path, checker)
        _declared(file, service, path, checker)
        for index, mount in enumerate(service.volumes or ()):
            _mount(file, mount, (*path, "volumes", index), checker)
            _mount_options(mount, (*path, "volumes", index), checker)
        _dependencies(file, services, name, checker)
    _ports(services, checker)
    for kind in ("networks", "volumes", "configs", "secrets"):
        for name, one in getattr(file, kind).items():
            for key in sorted(one.model_fields_set - _EXTERNAL) if one is not None and one.is_external else ():
                text = f"{key}: {kind[:-1]} {name!r} is external, so others made it"
                checker.complain((kind, name, key), text, f"leave {key!r} out")


def in_order(services: Mapping[str, Service], checker: Checker) -> tuple[str, ...]:
    """Return the services with those that others depend on first, else in the order of the file."""
    found: dict[str, None] = {}
    for name in services:
        _visit(name, services, found, [], checker)
    return tuple(found)


def _visit(
    name: str, services: Mapping[str, Service], found: dict[str, None], above: list[str], checker: Checker
) -> None:
    if name in found or name not in services:
        return
    if name in above:
        cycle = " -> ".join((*above[above.index(name) :], name))
        checker.complain(("services", name, "depends_on"), f"services depend on each other in a circle: {cycle}")
        return
    above.append(name)
    for needed in services[name].depends_on or ():
        _visit(needed, services, found, above, checker)
    above.pop()
    found[name] = None


def _image(service: Service, path: Path, checker: Checker) -> None:
    if service.image:
        return
    build = checker.source.problem((*path, "build"), "")
    built = build.line != checker.source.problem(path, "").line
    text = f"service {path[-1]!r} has no image"
    if not built:
        checker.complain(path, text, "write 'image: NAME:TAG'")
        return
    hint = "a swarm builds nothing: run 'docker build' and 'docker push', and write 'image: REGISTRY/NAME:TAG'"
    checker.complain((*path, "build"), f"{text}, only 'build'", hint)


def _declared(file: ComposeFile, service: Service, path: Path, checker: Checker) -> None:
    for index, network in enumerate(networks_of(service)):
        if network not in file.networks and network != DEFAULT:
            place = (*path, "networks", network)
            where = place if place in checker.source.marks else (*path, "networks", index)
            _unknown("network", network, file.networks, where, checker)
    for kind in ("config", "secret"):
        declared = getattr(file, f"{kind}s")
        for index, use in enumerate(getattr(service, f"{kind}s") or ()):
            if use.source not in declared:
                _unknown(kind, use.source, declared, (*path, f"{kind}s", index), checker)
    spec = None if service.credential_spec is None else service.credential_spec.config
    if spec is not None and spec not in file.configs:
        _unknown("config", spec, file.configs, (*path, "credential_spec", "config"), checker)


def _unknown(kind: str, name: str, declared: Mapping[str, object], path: Path, checker: Checker) -> None:
    text = f"{kind} {name!r} is not declared under '{kind}s' at the top of the file"
    checker.complain(path, text, closest(name, declared) or f"write '{kind}s: {{{name}: ...}}'")


def _mount(file: ComposeFile, mount: Mount, path: Path, checker: Checker) -> None:
    if mount.type == "bind" and mount.source is not None and mount.source.startswith((".", "~")):
        checker.complain(path, f"{mount.source}: a relative path is one of this machine", _RELATIVE)
    elif mount.type == "bind" and (mount.source is None or not short.is_path(mount.source)):
        checker.complain(path, "a bind needs the path of a file or folder of the nodes as its source")
    elif mount.type == "tmpfs" and mount.source is not None:
        checker.complain(path, "a tmpfs has no source")
    elif mount.type in ("volume", "cluster") and mount.source and not mount.source.startswith("group:"):
        if short.is_path(mount.source):
            checker.complain(path, f"{mount.source} is a path, and the type is {mount.type}", "write 'type: bind'")
        elif mount.source not in file.volumes:
            _unknown("volume", mount.source, file.volumes, path, checker)


def _mount_options(mount: Mount, path: Path, checker: Checker) -> None:
    for part, types in _PARTS.items():
        if getattr(mount, part) is not None and mount.type not in types:
            checker.complain((*path, part), f"options of a {part}, and the type is {mount.type}: leave them out")


def _dependencies(file: ComposeFile, services: Mapping[str, Service], name: str, checker: Checker) -> None:
    for needed, how in (services[name].depends_on or {}).items():
        path = ("services", name, "depends_on", needed)
        where = path if path in checker.source.marks else path[:-1]
        if needed not in file.services:
            text = f"service {name!r} depends on {needed!r}, which the file does not have"
            checker.complain(where, text, closest(needed, file.services))
        elif needed not in services and (how is None or how.required):
            profiles = ", ".join(file.services[needed].profiles or ())
            text = f"service {name!r} depends on {needed!r}, which is in a profile that is not chosen"
            checker.complain(where, text, f"choose it: 'profiles: [{profiles}]'")


def _ports(services: Mapping[str, Service], checker: Checker) -> None:
    """Complain about a port in the mesh that something else of the stack publishes, too."""
    first: dict[tuple[int, str], tuple[str, str]] = {}
    for name, service in services.items():
        for port in service.ports or ():
            key = port.published or 0, port.protocol
            other, mode = first.setdefault(key, (name, port.mode)) if port.published else (name, port.mode)
            if port.published and other != name and "ingress" in (mode, port.mode):
                checker.complain(
                    ("services", name, "ports", port.index),
                    f"port {port.published}/{port.protocol} is published by service {other!r}, too",
                    "publish another port, or put both behind one proxy",
                )
