"""What differs between two looks at a cluster."""

from __future__ import annotations

from enum import StrEnum

from swarmnet.model.base import Document
from swarmnet.model.plan import Change


class Kind(StrEnum):
    """What happened to an object between the two looks."""

    MISSING = "missing"
    ADDED = "added"
    CHANGED = "changed"


class Difference(Document):
    """One object that differs."""

    object: str
    """``network front``, ``service web``, ``network lan on w1``."""
    kind: Kind
    changes: tuple[Change, ...] = ()


class Drift(Document):
    """All that differs, and what could not be compared."""

    differences: tuple[Difference, ...]
    unseen: tuple[str, ...] = ()
