"""Configs and secrets, as kinds of objects: services name them, no task holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.kind import RemovableKind
from swarmnet.model.lock import LOCK_NAME
from swarmnet.model.plan import Change, Rank
from swarmnet.model.redaction import content
from swarmnet.model.swarm import Config, StoredSecret
from swarmnet.operations.comparing import bare, label_changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.state import ClusterState


class ConfigKind(RemovableKind[Config]):
    """Configs of the swarm; the lock of a running swarmnet is not one of them."""

    word: ClassVar[str] = "config"
    field: ClassVar[str] = "configs"
    rank: ClassVar[Rank] = Rank.CONTENT

    def places(self, state: ClusterState) -> Iterator[tuple[str | None, Config]]:
        """Yield all configs but the lock."""
        yield from ((None, one) for one in state.configs if not is_lock(one.spec.name))

    def compared(self, state: ClusterState, _now: ClusterState) -> dict[str, Config]:
        """Return the configs by name."""
        found = (one for _host, one in self.places(state))
        return {one.spec.name: one.model_copy(update={"spec": bare(one.spec)}) for one in found}

    def changes(self, before: Config, after: Config) -> tuple[Change, ...]:
        """Return how labels and data differ; the data is shown by length and digest."""
        labels = label_changes(before.spec.labels, after.spec.labels)
        if before.spec.data == after.spec.data:
            return labels
        return (Change(path="data", before=content(before.spec.data), after=content(after.spec.data)), *labels)

    def users(self, state: ClusterState, _host: str | None, name: str) -> Iterator[str]:
        """Yield the services that name it."""
        for one in state.services:
            if any(reference.source == name for reference in one.spec.configs or ()):
                yield f"service {one.spec.name}"


class SecretKind(RemovableKind[StoredSecret]):
    """Secrets of the swarm; their data is nowhere else."""

    word: ClassVar[str] = "secret"
    field: ClassVar[str] = "secrets"
    rank: ClassVar[Rank] = Rank.CONTENT

    def compared(self, state: ClusterState, _now: ClusterState) -> dict[str, StoredSecret]:
        """Return the secrets by name."""
        return {one.spec.name: one.model_copy(update={"spec": bare(one.spec)}) for one in state.secrets}

    def changes(self, before: StoredSecret, after: StoredSecret) -> tuple[Change, ...]:
        """Return how labels differ; engines never return the data."""
        return label_changes(before.spec.labels, after.spec.labels)

    def users(self, state: ClusterState, _host: str | None, name: str) -> Iterator[str]:
        """Yield the services that name it."""
        for one in state.services:
            if any(reference.source == name for reference in one.spec.secrets or ()):
                yield f"service {one.spec.name}"


def is_lock(name: str) -> bool:
    """Return whether a config is the lock of a running swarmnet, which is not part of the cluster's shape."""
    return name == LOCK_NAME
