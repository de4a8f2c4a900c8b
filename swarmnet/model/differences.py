"""What differs between two looks at a cluster."""

from __future__ import annotations

from enum import StrEnum

from swarmnet.model.base import Document
from swarmnet.model.plan import Change
from swarmnet.model.ref import Ref


class What(StrEnum):
    """What happened to an object between the two looks."""

    MISSING = "missing"
    ADDED = "added"
    CHANGED = "changed"


class Difference(Document):
    """One object that differs."""

    ref: Ref
    kind: What
    changes: tuple[Change, ...] = ()

    @property
    def object(self) -> str:
        """What differs, for people: ``network front``, ``service web``, ``network lan on w1``."""
        return str(self.ref)


class Drift(Document):
    """All that differs, and what could not be compared."""

    differences: tuple[Difference, ...]
    unseen: tuple[str, ...] = ()
