"""Plans: what would change, why, and how dangerous it is. A plan is shown, confirmed, stored and executed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import IntEnum, StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, JsonValue

from swarmnet.model.base import Document
from swarmnet.model.fields import Effect
from swarmnet.model.ref import Ref
from swarmnet.model.state import ClusterState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import Labels
    from swarmnet.model.fields import Remedy
    from swarmnet.model.ports import Ports

MANAGED_LABEL = "io.swarmnet.managed"
"""Label on everything that swarmnet created; its value is the cluster's name in the inventory."""

RESTORE_LABEL = "io.swarmnet.restore"
"""Label on what a restore created where nothing was before; its value is the backup's id. What ``restore undo``
looks for."""


def unmarked(labels: Labels) -> Labels:
    """Return labels without swarmnet's own, which name the creator of an object."""
    return {name: text for name, text in labels.items() if name not in (MANAGED_LABEL, RESTORE_LABEL)}


class Risk(StrEnum):
    """What an action can cost."""

    SAFE = "safe"
    DISRUPTIVE = "disruptive"
    """Connections break or tasks restart."""
    DESTRUCTIVE = "destructive"
    """Something is lost that swarmnet cannot bring back by itself."""


class Permit(StrEnum):
    """What the operator must allow before an action runs; the guard knows the flag."""

    NONE = "none"
    REPLACE = "replace"
    """An object is removed and created again: ``--replace NAME``."""
    LOSS = "loss"
    """Something is lost for good: ``--replace NAME``."""
    PRUNE = "prune"
    """An object that no step names any more is removed: ``--prune``."""
    STACK = "stack"
    """A service that a stack's file no longer has is removed: ``prune: true`` of the step allows it."""
    RESET = "reset"
    """The swarm is taken apart: ``swarmnet reset``."""


class Sign(StrEnum):
    """How an action is marked in a shown plan."""

    CREATE = "+"
    UPDATE = "~"
    REMOVE = "-"
    RUN = "!"


class Rank(IntEnum):
    """Neighbouring actions of one stage run side by side, save those that must go one by one or in written order."""

    SWARM = 1
    MANAGER = 2
    WORKER = 3
    NODE = 4
    NETWORK = 5
    CONTENT = 6
    SERVICE = 7
    COMMAND = 8
    CONFIGURATION = 9
    """Configuration networks, which other networks of the host depend on."""
    CONTAINER = 10
    """Containers outside of services, and their places on networks."""
    INSTALL = 11
    """Engines of hosts that have none."""
    UPGRADE = 12
    """Engines that are replaced, each with its node out of the way."""

    @property
    def one_by_one(self) -> bool:
        """True where two at once would race or endanger the swarm: raft membership, engines, and commands in order."""
        return self in (Rank.SWARM, Rank.MANAGER, Rank.COMMAND, Rank.UPGRADE)

    @property
    def in_written_order(self) -> bool:
        """True where the actions of one step wait for those of the step before: they may need each other."""
        return self in (Rank.SERVICE, Rank.CONTAINER)


class Change(Document):
    """One field that differs."""

    path: str
    before: JsonValue = None
    after: JsonValue = None
    effect: Effect = Field(default=Effect.UPDATE, exclude=True)
    """What the change does to its object, from the line of its field; decisions look here, never at ``path``."""

    @property
    def remedy(self) -> Remedy:
        """What brings the change about: nothing, an update, or a replacement."""
        return self.effect.remedy


class Action(Document, ABC):
    """One write, decided: pure to predict, needs ports to run. Subclasses are in the folder of their operation."""

    kind: str
    """The name of the kind of action, for example ``network.create``."""
    object: Ref
    """What is changed."""
    why: str
    changes: tuple[Change, ...] = ()
    """How the present object differs; what an action creates is read from its own fields (``swarmnet.model.shown``)."""
    risk: Risk = Risk.SAFE
    always: bool = False
    """True for a command without ``unless``: it runs every time, so the proof of an empty second plan leaves it out."""
    turn: int = Field(default=0, exclude=True)
    """Number of the step that it comes from, where steps of a kind follow each other in the order written; steps that
    are written to run ``together`` share one."""

    sign: ClassVar[Sign] = Sign.UPDATE
    stage: ClassVar[Rank]
    named: ClassVar[frozenset[str]] = frozenset({"host", "name"})
    """Fields that the target names already."""

    @property
    def target(self) -> str:
        """What is changed, for people: ``network front``, ``node w2``."""
        return str(self.object)

    @property
    def rank(self) -> Rank:
        """When it runs."""
        return self.stage

    @property
    def permit(self) -> Permit:
        """What the operator must allow by a flag before this action runs."""
        return Permit.LOSS if self.risk is Risk.DESTRUCTIVE else Permit.NONE

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Containers that use the object and are not tasks: no flag allows the action while there are any."""
        return ()

    @property
    def stops(self) -> tuple[str, ...]:
        """Services that do not run as before afterwards, since no node has room: ``--allow-down NAME`` allows it."""
        return ()

    @abstractmethod
    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state that a success leads to; ids that are not known yet are empty."""

    @abstractmethod
    def run(self, ports: Ports) -> None:
        """Do it, wait until it has taken effect, and raise a ``SwarmnetError`` if it does not."""


class Skip(Document):
    """Something of a backup that this restore leaves out, and that another one could restore."""

    object: Ref
    why: str
    field: str | None = None
    """The one field that is left out; None when it is the whole object."""

    @property
    def what(self) -> str:
        """What is left out, for people."""
        return str(self.object) if self.field is None else self.field


class Plan(Document):
    """Actions in order, the state they lead to, and what the operator should know before saying yes."""

    cluster: str
    actions: tuple[Action, ...]
    origin: str = ""
    """Its source, shown with the question: of a restore the backup, its date, age and cluster."""
    warnings: tuple[str, ...] = ()
    predicted: ClusterState
    skips: tuple[Skip, ...] = Field(default=(), exclude=True)
    """Of a restore: everything that differs from the backup once the plan is done."""

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to do; actions that always run (commands without ``unless``) count."""
        return not self.actions

    @property
    def worst_risk(self) -> Risk:
        """The gravest risk of any action."""
        order = list(Risk)
        return max((action.risk for action in self.actions), key=order.index, default=Risk.SAFE)

    @property
    def batches(self) -> tuple[tuple[Action, ...], ...]:
        """The actions in groups that may run side by side; the groups follow each other."""
        return tuple(_batches(self.actions))


def _batches(actions: Iterable[Action]) -> Iterable[tuple[Action, ...]]:
    turns = groupby(actions, key=lambda one: (one.rank, one.turn if one.rank.in_written_order else 0))
    for (stage, _turn), group in turns:
        if stage.one_by_one:
            yield from ((action,) for action in group)
        else:
            yield tuple(group)
