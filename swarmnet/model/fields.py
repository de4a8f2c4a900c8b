"""What is known of a field of a spec beside its type: where the engine keeps it, and what a change of it costs."""

from __future__ import annotations

from enum import IntEnum


class Remedy(IntEnum):
    """What brings an object from what it is to what is wanted, in order of cost."""

    NONE = 0
    """Nothing: the difference is shown, and stays."""
    UPDATE = 1
    """An update in place."""
    REPLACE = 2
    """The object is removed and created again."""


class Effect(IntEnum):
    """What a change of a field does to an object, in order of cost."""

    NOTHING = 0
    """Engines cannot change it, and it is not worth a replacement: labels of a network."""
    UPDATE = 1
    """It is updated in place; tasks keep running."""
    MOVES_TASKS = 2
    """Tasks are replaced where their node does not meet it any more: placement."""
    RESTARTS_TASKS = 3
    """All tasks are replaced."""
    RESTARTS_ENDPOINT = 4
    """All tasks are replaced, and an engine must be forced to do so: ports and how clients find the tasks."""
    REPLACE = 5
    """Engines cannot change it: the object is removed and created again."""

    @property
    def remedy(self) -> Remedy:
        """What brings the change about."""
        if self is Effect.NOTHING:
            return Remedy.NONE
        return Remedy.REPLACE if self is Effect.REPLACE else Remedy.UPDATE

    @property
    def restarts_tasks(self) -> bool:
        """True where tasks of a service may be replaced."""
        return self >= Effect.MOVES_TASKS
