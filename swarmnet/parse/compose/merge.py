"""Merge several stack files in their order, as the Compose Specification says.

Mappings are merged key by key, single values are replaced, lists are joined; lists whose items have a key (a port, a
path in the container, a variable's name) are merged by it; commands and health checks are replaced. ``!reset`` takes
what earlier files say away, ``!override`` replaces it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.parse.compose.nodes import OVERRIDE, RESET, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from swarmnet.parse.yaml import Path

_WHOLE = {"command", "entrypoint", "test"}
"""Keys of a service whose value is one thing: the later one replaces the earlier."""
_BY_NAME = {"environment", "labels", "sysctls", "annotations", "driver_opts", "options", "extra_hosts"}
"""Keys that hold names with values, as a mapping or as a list of ``NAME=value``."""
_NAMES = {"networks", "depends_on"}
"""Keys of a service that hold names, as a list or as a mapping."""


def merged(nodes: Iterable[Node]) -> Node:
    """Return all files in one; the later ones go before."""
    first, *later = nodes
    whole = first
    for one in later:
        whole = _merge(whole, one, ())
    return _without_tags(whole)


def _merge(below: Node, above: Node, path: Path) -> Node:
    if above.tag == OVERRIDE or (path and path[-1] in _WHOLE):
        return above
    if above.tag == RESET:
        return above
    below, above = _alike(below, above, path)
    if isinstance(below.value, dict) and isinstance(above.value, dict):
        return _mappings(below, above, path)
    if isinstance(below.value, list) and isinstance(above.value, list):
        key = _KEYS.get(str(path[-1])) if path else None
        return replace(above, value=_lists(below.value, above.value, key), mark=below.mark, file=below.file)
    return below if above.value is None and isinstance(below.value, dict) else above


def _mappings(below: Node, above: Node, path: Path) -> Node:
    one, other = _mapping(below), _mapping(above)
    if path and path[-1] == "logging" and _driver(one) not in (None, _driver(other)) and _driver(other) is not None:
        return above
    found = dict(one)
    for key, node in other.items():
        found[key] = _merge(found[key], node, (*path, key)) if key in found else node
    return replace(below, value=found)


def _driver(mapping: dict[str, Node]) -> object:
    return mapping["driver"].value if "driver" in mapping else None


def _alike(below: Node, above: Node, path: Path) -> tuple[Node, Node]:
    """Return both in one form, where a key may hold a list or a mapping."""
    name = str(path[-1]) if path else ""
    if name in _BY_NAME:
        return _by_name(below, name), _by_name(above, name)
    if name in _NAMES and len(path) == 3:  # noqa: PLR2004 - services, NAME, key
        return _keyed(below), _keyed(above)
    if name in ("dns", "dns_search", "env_file", "tmpfs", "label_file"):
        return _listed(below), _listed(above)
    return below, above


def _by_name(node: Node, name: str) -> Node:
    if not isinstance(node.value, list) or not all(isinstance(one.value, str) for one in node.value):
        return node
    found: dict[str, Node] = {}
    for one in node.value:
        sign = ":" if name == "extra_hosts" and "=" not in str(one.value) else "="
        key, there, value = str(one.value).partition(sign)
        if name == "extra_hosts" and key in found:
            return node
        found[key] = replace(one, value=value if there else None)
    return replace(node, value=found)


def _keyed(node: Node) -> Node:
    if not isinstance(node.value, list):
        return node
    return replace(node, value={str(one.value): replace(one, value=None) for one in node.value})


def _listed(node: Node) -> Node:
    return node if isinstance(node.value, list) or node.value is None else replace(node, value=[node])


def _lists(below: list[Node], above: list[Node], key: Callable[[Node], object] | None) -> list[Node]:
    if key is None:
        return [*below, *(one for one in above if one.data not in [other.data for other in below])]
    found = {key(one): one for one in below}
    return [*(found | {key(one): one for one in above}).values()]


def _port(node: Node) -> object:
    if isinstance(node.value, dict):
        part = _mapping(node)
        parts = [str(part[name].value) if name in part else None for name in ("host_ip", "published", "target")]
        return (*parts, str(part["protocol"].value) if "protocol" in part else "tcp")
    text, _slash, protocol = str(node.value).partition("/")
    *before, target = text.rsplit(":", 2)
    return (before[0] if len(before) > 1 else None, before[-1] if before else None, target, protocol or "tcp")


def _path(node: Node) -> object:
    """Return the path in the container of a mount."""
    if isinstance(node.value, dict):
        return node.value["target"].value if "target" in node.value else None
    parts = re.split(r":(?![\\/][^:]*:|[\\/][^:/]*$)", str(node.value)) if "\\" in str(node.value) else []
    parts = parts or str(node.value).split(":")
    return parts[0] if len(parts) == 1 else parts[1]


def _file(node: Node) -> object:
    """Return the file that a config or secret becomes."""
    if isinstance(node.value, dict):
        return next((node.value[key].value for key in ("target", "source") if key in node.value), None)
    return node.value


_KEYS: dict[str, Callable[[Node], object]] = {"ports": _port, "volumes": _path, "configs": _file, "secrets": _file}


def _mapping(node: Node) -> dict[str, Node]:
    return node.value if isinstance(node.value, dict) else {}


def _without_tags(node: Node) -> Node:
    """Return a node without what is reset."""
    if isinstance(node.value, dict):
        kept = {key: _without_tags(one) for key, one in node.value.items() if one.tag != RESET}
        return replace(node, value=kept, tag=None)
    if isinstance(node.value, list):
        return replace(node, value=[_without_tags(one) for one in node.value if one.tag != RESET], tag=None)
    return replace(node, tag=None)
