"""Named volumes of hosts, as one of the kinds of objects. They hold data: nothing here ever removes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.compare import spec_changes
from swarmnet.model.kind import Kind
from swarmnet.model.volume import Volume
from swarmnet.operations.comparing import bare, turned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.plan import Change
    from swarmnet.model.state import ClusterState, HostFacts


class VolumeKind(Kind[Volume]):
    """Volumes of single hosts; ``--prune``, ``reset`` and ``restore undo`` leave them alone."""

    word: ClassVar[str] = "volume"

    def compared(self, _state: ClusterState, _now: ClusterState) -> dict[str, Volume]:
        """Return nothing: the swarm has no volumes of its own."""
        return {}

    def compared_on(self, host: str, state: ClusterState, other: ClusterState) -> dict[str, Volume]:
        """Return a host's volumes; nothing where one of the two looks did not ask for them."""
        seen, beside = state.volumes(host), other.volumes(host)
        if seen is None or beside is None:
            return {}
        return {one.id: one.model_copy(update={"spec": bare(one.spec)}) for one in seen}

    def changes(self, before: Volume, after: Volume) -> tuple[Change, ...]:
        """Return how driver, options and labels differ; data is not looked at."""
        return turned(spec_changes(before.spec, after.spec, exact=True))

    def names(self, state: ClusterState) -> Iterator[str]:
        """Yield the names of all volumes."""
        yield from (name for facts in state.hosts for name in self.put_on(facts))

    def put_on(self, facts: HostFacts) -> Iterator[str]:
        """Yield the names of a host's volumes."""
        yield from (one.id for one in facts.volumes or ())
