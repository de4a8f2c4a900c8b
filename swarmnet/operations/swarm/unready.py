"""Nodes that are not ready for the managers, though their hosts answer.

The scheduler places tasks only on ready nodes. A new leader reports each node as unknown until it has registered, and
as down if it has not within half a minute. A node may stay unknown for hours though it works (moby#35109); two were for
more than a minute after an election (seen on 26.1). According to the source, the write of a registration was lost: the
node sends heartbeats, but its state is not written again (swarmkit, ``Dispatcher.register``). A new session should end
that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmnet.model.state import ClusterState

_CURES = {"unknown": "restart its engine", "down": "look at 2377/tcp from it to all managers"}


def unready_nodes(state: ClusterState) -> tuple[str, ...]:
    """Return a sentence for each node that is not ready though its host answers."""
    what = "its host answers, but managers place no tasks on it"
    found = (state.node_of(facts.host) for facts in state.hosts)
    return tuple(
        f"node {node.name} is {node.status}: {what}; if it stays so, {_CURES.get(node.status, 'look at its engine')}"
        for node in found
        if node is not None and node.status != "ready"
    )
