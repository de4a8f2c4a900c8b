"""What an operator has to bring along for a restore, since no backup holds it."""

from __future__ import annotations

import re
from enum import StrEnum

from swarmnet.model.base import Document


class SupplyKind(StrEnum):
    """What is brought along."""

    HOST = "host"
    """A host that replaces an old one."""
    SECRET = "secret"  # noqa: S105 - a word
    UNLOCK_KEY = "unlock-key"
    """A place for the key of an autolocked swarm."""
    IMAGE = "image"
    DATA = "data"
    """What is in the volumes and folders that a service mounts."""
    FILES = "files"
    """The playbook that the backup holds."""
    ADDRESS = "address"
    """What clients know of an old host."""


class Supply(Document):
    """One thing to bring along, and how."""

    kind: SupplyKind
    what: str
    why: str
    how: str
    """The command to type, or the words to add to the command of the restore."""


def variable(prefix: str, secret: str) -> str:
    """Return the variable that holds a secret: the prefix, then the name in capitals with ``_`` for all signs."""
    return prefix + re.sub(r"[^A-Z0-9]", "_", secret.upper())
