"""The nodes of a swarm, as a manager answers for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.edge.engine.calls import EnginePart, Request, quoted
from swarmnet.edge.engine.wire.parts import as_object
from swarmnet.edge.engine.wire.swarm import node_from_wire, node_spec_to_wire

if TYPE_CHECKING:
    from swarmnet.model.swarm import Node, NodeSpec


class NodeStore(EnginePart):
    """The nodes of a swarm."""

    word: ClassVar[str] = "nodes"

    def list(self) -> tuple[Node, ...]:
        """Return all nodes."""
        what = "list nodes"
        with self._calls.asking(what):
            return tuple(node_from_wire(seen) for seen in self._calls.objects(Request(what, "GET", "/nodes")))

    def update(self, object_id: str, version: int, spec: NodeSpec) -> None:
        """Merge the managed fields into the present ones; ``labels`` replace all labels."""
        what, path = f"update node {object_id}", f"/nodes/{quoted(object_id)}"
        seen = as_object(self._calls.send(Request(what, "GET", path)))
        self._calls.check_version(what, seen, version)
        body = node_spec_to_wire(as_object(seen.get("Spec")), spec)
        self._calls.send(Request(what, "POST", f"{path}/update", body, {"version": version}))

    def remove(self, object_id: str, *, force: bool = False) -> None:
        """Take a node that is down out of the list."""
        params = {"force": str(force).lower()}
        self._calls.send(Request(f"remove node {object_id}", "DELETE", f"/nodes/{quoted(object_id)}", params=params))
