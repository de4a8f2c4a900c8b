"""The objects of one kind, on any manager: a request is sent to the next one when a manager is lost.

Reads are simply repeated. An update names the version that it was made for, so a repeated one changes nothing twice. A
creation or removal whose answer was lost may have happened: the repeated one then finds the name taken by its own
doing, or the object gone, and that is success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from swarmnet.errors import ConflictError, HostTimeoutError, NotAManagerError, NotFoundError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.clock import Clock
    from swarmnet.model.ports import SwarmPort
    from swarmnet.model.stores import Store

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")
LOST = (NotAManagerError, UnreachableError, HostTimeoutError)
"""After these it is not known whether the request was carried out."""


class Asks(Protocol):
    """Finds a manager for a question, and another one when it was lost."""

    stopwatch: Clock
    """Tells how long an answer took, also while no manager answers."""

    def ask(self, question: Callable[[SwarmPort], T]) -> T:
        """Return the answer of a manager; may ask several times."""


class AnyStore(Generic[R, S]):
    """A ``Store`` on any manager.

    Args:
        ports: what finds a manager.
        of: returns the store of one manager.
        same: returns the id of an object where it is what a request whose answer was lost created.
        listed: how one manager is asked for all objects; None means its ``list``.
    """

    def __init__(
        self,
        ports: Asks,
        of: Callable[[SwarmPort], Store[R, S]],
        same: Callable[[R, S], str | None],
        listed: Callable[[SwarmPort], tuple[R, ...]] | None = None,
    ) -> None:
        self._ports = ports
        self._of = of
        self._same = same
        self._listed = listed or (lambda manager: of(manager).list())

    def list(self) -> tuple[R, ...]:
        """Return all of them."""
        return self._ports.ask(self._listed)

    def create(self, spec: S) -> str:
        """Create an object; one found after a lost answer is what that request created."""
        lost = False

        def attempt(manager: SwarmPort) -> str:
            nonlocal lost
            try:
                return self._of(manager).create(spec)
            except ConflictError:
                found = self._found(manager, spec) if lost else None
                if found is None:
                    raise
                return found
            except LOST:
                lost = True
                raise

        return self._ports.ask(attempt)

    def _found(self, manager: SwarmPort, spec: S) -> str | None:
        return next((found for one in self._listed(manager) if (found := self._same(one, spec))), None)

    def remove(self, object_id: str) -> None:
        """Remove an object."""
        remove(self._ports, lambda manager: self._of(manager).remove(object_id))


def remove(ports: Asks, request: Callable[[SwarmPort], None]) -> None:
    """Send a removal; an object missing after a lost answer was removed by that request."""
    lost = False

    def attempt(manager: SwarmPort) -> None:
        nonlocal lost
        try:
            request(manager)
        except NotFoundError:
            if not lost:
                raise
        except LOST:
            lost = True
            raise

    ports.ask(attempt)
