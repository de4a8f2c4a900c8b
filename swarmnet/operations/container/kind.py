"""Containers outside of services, as one of the kinds of objects. Tasks do not count: they come by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.compare import endpoint_changes
from swarmnet.model.find import by_id
from swarmnet.model.kind import RemovableKind
from swarmnet.model.plan import Change, Rank, unmarked
from swarmnet.model.state import Container
from swarmnet.operations.comparing import label_changes, turned
from swarmnet.operations.container.stopping import stop_container

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState, HostFacts


class ContainerKind(RemovableKind[Container]):
    """Containers of single hosts; their volumes stay."""

    word: ClassVar[str] = "container"
    field: ClassVar[str] = "containers"
    in_swarm: ClassVar[bool] = False
    on_hosts: ClassVar[bool] = True
    rank: ClassVar[Rank] = Rank.CONTAINER

    def compared(self, _state: ClusterState, _now: ClusterState) -> dict[str, Container]:
        """Return nothing: the swarm has no containers of its own."""
        return {}

    def compared_on(self, host: str, state: ClusterState, other: ClusterState) -> dict[str, Container]:
        """Return a host's containers; nothing where one of the two looks did not ask for them and for volumes."""
        facts, beside = state.facts(host), other.facts(host)
        if facts is None or beside is None or facts.volumes is None or beside.volumes is None:
            return {}
        return {one.name: one for one in facts.containers if self.may_go(one)}

    def changes(self, before: Container, after: Container) -> tuple[Change, ...]:
        """Return how image, labels and places on networks differ; addresses that engines chose do not count."""
        return tuple(_changes(before, after))

    def names(self, state: ClusterState) -> Iterator[str]:
        """Yield the names of all containers that are not tasks."""
        yield from (one.name for _host, one in self.places(state) if self.may_go(one))

    def put_on(self, facts: HostFacts) -> Iterator[str]:
        """Yield the names of a host's containers, tasks included."""
        yield from (one.name for one in facts.containers)

    def counts(self, _state: ClusterState) -> dict[str, int]:
        """Return nothing: containers come and go."""
        return {}

    def may_go(self, seen: Container) -> bool:
        """Return whether it is not a task."""
        return seen.service is None

    def without(self, state: ClusterState, object_id: str, host: str | None) -> ClusterState:
        """Return the state without a container, and without the tasks that are its places on networks of the swarm."""
        tasks = tuple(one for one in state.tasks if one.container_id != object_id)
        return super().without(state, object_id, host).model_copy(update={"tasks": tasks})

    def remove(self, ports: Ports, host: str | None, object_id: str) -> None:
        """Stop a container in its own time, and remove it.

        Raises:
            ConvergenceError: it is still stopping.
            NotFoundError: it is gone.
        """
        engine = ports.engine(host or "")
        seen = by_id(engine.containers(), object_id)
        stop_container(engine, object_id, object_id[:12] if seen is None else seen.name)
        engine.plain.remove(object_id)


def _changes(before: Container, after: Container) -> Iterator[Change]:
    if before.image != after.image:
        yield Change(path="image", before=before.image, after=after.image)
    yield from label_changes(unmarked(before.labels), unmarked(after.labels))
    places = {one.network: one for one in before.endpoints}
    now = {one.network: one for one in after.endpoints}
    for name in sorted({*places, *now}):
        path = f"networks.{name}"
        if name not in now or name not in places:
            yield Change(path=path, before=name in places, after=name in now)
            continue
        for change in turned(endpoint_changes(places[name].spec, now[name].seen_as(places[name].spec))):
            yield change.model_copy(update={"path": f"{path}.{change.path}"})
