"""Constraints on single nodes, by whichever name: ``node.id`` and ``node.hostname`` of one node mean the same."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.model.constraint import Constraint
from swarmnet.model.hosts import Availability

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.swarm import Node


def by_hostname(spec: ServiceSpec, nodes: Iterable[Node]) -> ServiceSpec:
    """Return a service whose constraints call nodes by hostname where only one node has it, for comparing alone.

    A restore writes ``node.hostname`` for a node whose new id is not known before it has joined.
    """
    if not spec.constraints:
        return spec
    known = tuple(nodes)
    counted = Counter(node.hostname for node in known)
    names = {node.id: node.hostname for node in known if counted[node.hostname] == 1}

    def named(text: str) -> str:
        found = Constraint.parse(text)
        name = names.get(found.value) if found is not None and found.key == "node.id" else None
        return text if found is None or name is None else str(replace(found, key="node.hostname", value=name))

    return spec.model_copy(update={"constraints": tuple(named(one) for one in spec.constraints)})


def admits(constraint: Constraint, node: Node) -> bool:
    """Return whether a node may run a task; True if the node's property is not known here."""
    seen = _seen(constraint, node)
    if seen is None:
        return True
    is_address = constraint.key == "node.ip"
    equal = _is_in(seen, constraint.value) if is_address else constraint.value.lower() == seen.lower()
    return equal if constraint.operator == "==" else not equal


def matches(constraints: Iterable[str], node: Node) -> bool:
    """Return whether the node meets all constraints; no node meets a text that is not a constraint."""
    return all(found is not None and admits(found, node) for found in map(Constraint.parse, constraints))


def eligible(spec: ServiceSpec, nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Return the nodes that take new tasks of the service now."""
    return tuple(
        node
        for node in nodes
        if node.status == "ready" and node.spec.availability in (None, Availability.ACTIVE)
        if matches(spec.constraints or (), node)
    )


def _seen(constraint: Constraint, node: Node) -> str | None:
    if constraint.node_label is not None:
        return node.spec.labels.get(constraint.node_label, "")
    if constraint.engine_label is not None:
        return node.engine_labels.get(constraint.engine_label, "")
    role = "" if node.spec.role is None else node.spec.role.value
    known = {"node.id": node.id, "node.hostname": node.hostname, "node.role": role, "node.ip": node.address or None}
    return known.get(constraint.key)


def _is_in(address: str, wanted: str) -> bool:
    """Return whether an address is the wanted one, or in the wanted block."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False
