"""Remove one object, whatever its kind: pruned, taken back by ``restore undo``, or part of a ``reset``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.errors import ConflictError, NotFoundError, RefusedError
from swarmnet.model.clock import until_stopped, wait_until
from swarmnet.model.plan import Action, Permit, Rank, Risk, Sign
from swarmnet.model.ports import progress
from swarmnet.model.ref import Ref
from swarmnet.operations.kinds import REMOVABLE

if TYPE_CHECKING:
    from typing import Any

    from swarmnet.model.kind import RemovableKind, Resource
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState

REMOVAL_LIMIT = 90.0
"""Seconds for a removed service's tasks to release networks."""


class Removal(Action):
    """Remove one object by its id; one that is gone already counts as removed."""

    kind: str = "remove"
    """``prune.network``, ``reset.service``: what allows it, and the kind of the object."""
    id: str
    allowed_by: Permit = Permit.PRUNE
    risk: Risk = Risk.DESTRUCTIVE

    sign: ClassVar[Sign] = Sign.REMOVE
    named: ClassVar[frozenset[str]] = Action.named | {"id", "allowed_by"}

    @classmethod
    def of(cls, kind: RemovableKind[Any], seen: Resource, host: str | None, permit: Permit, why: str) -> Removal:
        """Return the removal of an object that was seen on a host, or in the swarm."""
        return cls(
            kind=f"{permit.value}.{kind.word}",
            object=Ref(kind=kind.word, name=seen.spec.name, host=host),
            id=seen.id,
            allowed_by=permit,
            why=why,
        )

    @property
    def permit(self) -> Permit:
        """What the operator must allow."""
        return self.allowed_by

    @property
    def rank(self) -> Rank:
        """The place of its kind."""
        return self._kind.rank

    @property
    def _kind(self) -> RemovableKind[Any]:
        return REMOVABLE[self.object.kind]

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state without the object."""
        return self._kind.without(state, self.id, self.object.host)

    def run(self, ports: Ports) -> None:
        """Remove it; where tasks that are ending may hold it, wait for them, and until no manager lists it.

        Raises:
            ConvergenceError: it is still in use after 90 s; says by what.
            RefusedError: something uses it since the plan was made; the engine says what.
        """
        if not self._kind.is_held:
            self._remove_at_once(ports)
            return
        look = until_stopped(ports.clock, lambda: self._attempt(ports))
        tell = progress(ports)
        wait_until(ports.clock, look, what=f"{self.target} to be gone", timeout=REMOVAL_LIMIT, tell=tell)
        if self.object.host is None:
            what = f"{self.target} to be gone on every manager"
            look = until_stopped(ports.clock, lambda: self._copies(ports))
            wait_until(ports.clock, look, what=what, timeout=REMOVAL_LIMIT, every=0.2, tell=tell)

    def _remove_at_once(self, ports: Ports) -> None:
        try:
            self._kind.remove(ports, self.object.host, self.id)
        except NotFoundError:
            return
        except ConflictError as error:
            raise RefusedError(
                f"{self.target} is in use since the plan was made, and stays: {error}",
                hint="plan again: what is in use is not removed",
            ) from error

    def _attempt(self, ports: Ports) -> tuple[bool | None, str]:
        try:
            self._kind.remove(ports, self.object.host, self.id)
        except NotFoundError:
            return True, "gone"
        except ConflictError as error:
            return None, str(error)
        return True, "gone"

    def _copies(self, ports: Ports) -> tuple[bool | None, str]:
        holding = self._kind.copies(ports, self.object.host, self.id)
        return (None if holding else True), f"tasks that are ending hold a copy on {', '.join(holding)}"
