"""Nodes that the managers do not count in, though their hosts answer.

The scheduler places tasks on ready nodes alone. A new leader calls every node unknown until it has registered, and down
when it has not after half a minute. One may stay unknown for hours though it works (told in moby#35109); two were so
for more than a minute after an election (seen on 26.1). The source explains it by a registration whose write was lost:
the node gives its signs of life, and nobody writes again that it is ready (swarmkit, ``Dispatcher.register``). A new
session should end that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmnet.model.state import ClusterState

_CURES = {"unknown": "restart its engine", "down": "look at 2377/tcp from it to all managers"}


def unready_nodes(state: ClusterState) -> tuple[str, ...]:
    """Return a sentence for each node whose host answers and that is not ready."""
    what = "its host answers, but managers place no task there"
    found = (state.node_of(facts.host) for facts in state.hosts)
    return tuple(
        f"node {node.name} is {node.status}: {what}; if it stays so, {_CURES.get(node.status, 'look at its engine')}"
        for node in found
        if node is not None and node.status != "ready"
    )
