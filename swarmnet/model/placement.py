"""Constraints on single nodes, by whichever name: ``node.id`` and ``node.hostname`` of one node mean the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.model.constraint import Constraint

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
