"""Nodes, as one of the kinds of objects: compared, never removed by mark."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.compare import node_changes
from swarmnet.model.kind import Kind
from swarmnet.model.swarm import NodeSpec
from swarmnet.operations.comparing import turned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.plan import Change
    from swarmnet.model.state import ClusterState


class NodeKind(Kind[NodeSpec]):
    """The nodes of the swarm."""

    word: ClassVar[str] = "node"

    def compared(self, state: ClusterState, _now: ClusterState) -> dict[str, NodeSpec]:
        """Return the nodes by inventory name where it is known; of two entries of one host the ready one counts."""
        names = {facts.engine.membership.node_id: facts.host for facts in state.hosts}
        ordered = sorted(state.nodes, key=lambda node: node.status == "ready")
        return {names.get(node.id, node.hostname): node.spec for node in ordered}

    def changes(self, before: NodeSpec, after: NodeSpec) -> tuple[Change, ...]:
        """Return how two nodes differ."""
        return turned(node_changes(before, after, exact=True))

    def names(self, state: ClusterState) -> Iterator[str]:
        """Yield the inventory names of the hosts."""
        yield from (facts.host for facts in state.hosts)

    def counts(self, state: ClusterState) -> dict[str, int]:
        """Return the number of nodes, which may be more or fewer than the hosts."""
        return {self.word: len(state.nodes)}
