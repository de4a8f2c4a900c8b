"""What every playbook operation is: a frozen description of how something shall be, that can plan its way there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.base import Document

if TYPE_CHECKING:
    from swarmnet.model.hosts import Host, Inventory
    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState


@dataclass(frozen=True, slots=True)
class Context:
    """What a step plans against."""

    state: ClusterState
    """The state that the steps before it lead to."""
    inventory: Inventory
    hosts: tuple[Host, ...]
    """The hosts that the step selects."""


class Operation(Document, ABC):
    """One step's wish. ``plan`` is pure: the same context gives the same actions.

    A new operation is a file with a subclass and its actions, and one line in ``swarmnet.operations.ALL``.
    """

    name_in_playbook: ClassVar[str]
    summary: ClassVar[str]
    """One sentence for ``--help`` and the JSON Schema."""

    @abstractmethod
    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return the actions that lead from the context's state to how things shall be; none when they are so."""

    def problems(self, _context: Context) -> tuple[str, ...]:
        """Return what makes the step impossible in this context, one sentence each; none when it can be planned."""
        return ()

    def warnings(self, _context: Context) -> tuple[str, ...]:
        """Return what the operator should know before saying yes."""
        return ()

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return ``(kind, name)`` of what the step makes.

        Two steps that make the same are an error; ``--prune`` removes what swarmnet made and no step provides.
        """
        return frozenset()
