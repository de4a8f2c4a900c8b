"""What everything that loops over kinds of objects must know of one: ``swarmnet.operations.kinds`` has the table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.base import Labels
    from swarmnet.model.plan import Change, Rank
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState, HostFacts
    from swarmnet.model.stores import Store


class Named(Protocol):
    """A spec with a name."""

    @property
    def name(self) -> str:
        """The name."""

    @property
    def labels(self) -> Labels:
        """The labels, swarmnet's marks included."""


class Resource(Protocol):
    """An object that an engine listed."""

    @property
    def id(self) -> str:
        """What the engine finds it by."""

    @property
    def spec(self) -> Named:
        """Its spec."""


T = TypeVar("T")


class Kind(ABC, Generic[T]):
    """One kind of objects: how two looks at them compare, and what makes a kind removable (``RemovableKind``)."""

    word: ClassVar[str]
    """In references, messages and ``--only KIND/NAME``."""

    @abstractmethod
    def compared(self, state: ClusterState, now: ClusterState) -> Mapping[str, T]:
        """Return the swarm's objects by name, without what never counts as a difference; ``now`` is the later look."""

    def compared_on(self, _host: str, _state: ClusterState, _other: ClusterState) -> Mapping[str, T]:
        """Return the objects of one host by name; ``other`` is the look to compare with."""
        return {}

    @abstractmethod
    def changes(self, before: T, after: T) -> tuple[Change, ...]:
        """Return how an object differs between two looks."""

    @abstractmethod
    def names(self, state: ClusterState) -> Iterator[str]:
        """Yield the names of all objects that a backup can hold, those of the hosts included."""

    def put_on(self, _facts: HostFacts) -> Iterator[str]:
        """Yield the names of what someone put on a host, its engine's own left out."""
        yield from ()

    def counts(self, state: ClusterState) -> dict[str, int]:
        """Return how many objects a backup holds, by what the record of a scheduled run calls them."""
        return {self.word: sum(1 for _name in self.names(state))}


R = TypeVar("R", bound=Resource)


class RemovableKind(Kind[R]):
    """A kind whose objects carry labels: ``--prune``, ``restore undo`` and ``reset`` remove what has their mark."""

    field: ClassVar[str]
    """Of ``ClusterState``, of the port's stores, and of ``HostFacts`` where hosts have such objects of their own."""
    in_swarm: ClassVar[bool] = True
    on_hosts: ClassVar[bool] = False
    rank: ClassVar[Rank]
    """When its actions run."""
    is_held: ClassVar[bool] = False
    """True where tasks that are ending still use an object: its removal waits for them. Else a refusal is final."""

    def places(self, state: ClusterState) -> Iterator[tuple[str | None, R]]:
        """Yield all objects with their host, None for those of the swarm."""
        if self.in_swarm:
            yield from ((None, one) for one in getattr(state, self.field))
        if self.on_hosts:
            for facts in state.hosts:
                yield from ((facts.host, one) for one in getattr(facts, self.field))

    def without(self, state: ClusterState, object_id: str, host: str | None) -> ClusterState:
        """Return the state without one object."""
        if host is None:
            left = tuple(one for one in getattr(state, self.field) if one.id != object_id)
            return state.model_copy(update={self.field: left})
        facts = state.facts(host)
        if facts is None:
            return state
        left = tuple(one for one in getattr(facts, self.field) if one.id != object_id)
        changed = facts.model_copy(update={self.field: left})
        return state.model_copy(update={"hosts": tuple(changed if one is facts else one for one in state.hosts)})

    def names(self, state: ClusterState) -> Iterator[str]:
        """Yield the names of all objects that a backup can hold, those of the hosts included."""
        yield from (one.spec.name for _host, one in self.places(state))

    def may_go(self, _seen: R) -> bool:
        """Return whether the object may be removed: the engine's own may not."""
        return True

    def users(self, _state: ClusterState, _host: str | None, _name: str) -> Iterator[str]:
        """Yield what uses the object, in words: it stays as long as there is anything."""
        yield from ()

    def remove(self, ports: Ports, host: str | None, object_id: str) -> None:
        """Ask an engine to remove the object.

        Raises:
            NotFoundError: it is gone.
            ConflictError: something uses it.
        """
        store: Store[R, Any] = getattr(ports.manager() if host is None else ports.engine(host), self.field)
        store.remove(object_id)

    def copies(self, _ports: Ports, _host: str | None, _object_id: str) -> tuple[str, ...]:
        """Return the hosts that still list an object after its removal."""
        return ()
