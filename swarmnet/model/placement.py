"""Constraints on single nodes, by whichever name: ``node.id`` and ``node.hostname`` of one node mean the same."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.swarm import Node

_ID = re.compile(r"\s*node\.id\s*(==|!=)\s*(.+?)\s*", re.IGNORECASE)


def by_hostname(spec: ServiceSpec, nodes: Iterable[Node]) -> ServiceSpec:
    """Return a service whose constraints call nodes by hostname where only one node has it, for comparing alone.

    A restore writes ``node.hostname`` for a node whose new id is not known before it has joined.
    """
    if not spec.constraints:
        return spec
    known = tuple(nodes)
    counted = Counter(node.hostname for node in known)
    names = {node.id: node.hostname for node in known if counted[node.hostname] == 1}

    def named(constraint: str) -> str:
        match = _ID.fullmatch(constraint)
        name = names.get(match[2]) if match is not None else None
        return constraint if match is None or name is None else f"node.hostname{match[1]}{name}"

    return spec.model_copy(update={"constraints": tuple(named(one) for one in spec.constraints)})
