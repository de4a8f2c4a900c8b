"""Placement constraints as engines read them: ``node.labels.zone == a`` and its like."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from swarmnet.model.hosts import Availability
from swarmnet.model.service import ServiceMode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.swarm import Node

_FORM = re.compile(r"\s*(?P<key>[^\s=!]+)\s*(?P<operator>==|!=)\s*(?P<value>.+?)\s*")
_PLAIN = ("node.id", "node.hostname", "node.ip", "node.role", "node.platform.os", "node.platform.arch")
_PREFIXES = ("node.labels.", "engine.labels.")


def fault(text: str) -> str | None:
    """Return what is wrong with a constraint; engines accept unknown keys, and then no node ever matches."""
    match = _FORM.fullmatch(text)
    if match is None:
        return f"constraint {text!r} is not of the form KEY == VALUE or KEY != VALUE"
    key = match["key"].lower()
    known = key in _PLAIN or any(key.startswith(prefix) and len(key) > len(prefix) for prefix in _PREFIXES)
    keys = ", ".join([*_PLAIN, *(prefix + "NAME" for prefix in _PREFIXES)])
    return None if known else f"constraint {text!r} asks for an unknown key; known: {keys}"


def matches(constraints: Iterable[str], node: Node) -> bool:
    """Tell whether the node meets all constraints."""
    return all(_meets(text, node) for text in constraints)


def eligible(spec: ServiceSpec, nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Return the nodes that take new tasks of the service now."""
    return tuple(
        node
        for node in nodes
        if node.status == "ready" and node.spec.availability in (None, Availability.ACTIVE)
        if matches(spec.constraints or (), node)
    )


def wanted_tasks(spec: ServiceSpec, nodes: Iterable[Node]) -> int:
    """Return how many tasks the service wants now."""
    if spec.mode is ServiceMode.GLOBAL:
        return len(eligible(spec, nodes))
    return 1 if spec.replicas is None else spec.replicas


def _meets(text: str, node: Node) -> bool:
    match = _FORM.fullmatch(text)
    if match is None:
        return False
    key = match["key"].lower()
    seen = _value(match["key"], node)
    if seen is None:
        return True  # not known here: leave it to the engine
    equal = _is_in(seen, match["value"]) if key == "node.ip" else match["value"].lower() == seen.lower()
    return equal if match["operator"] == "==" else not equal


def _value(key: str, node: Node) -> str | None:
    head, _dot, label = key.partition("abels.")
    if head.lower() == "node.l":
        return node.spec.labels.get(label, "")
    if head.lower() == "engine.l":
        return node.engine_labels.get(label, "")
    role = "" if node.spec.role is None else node.spec.role.value
    known = {"node.id": node.id, "node.hostname": node.hostname, "node.role": role, "node.ip": node.address or None}
    return known.get(key.lower())


def _is_in(address: str, wanted: str) -> bool:
    """Tell whether an address is the wanted one, or in the wanted block."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False
