"""Who can open a backup, as it was tried."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmnet.errors import SwarmnetError


class Proof(StrEnum):
    """What is known of one recipient."""

    OPENED = "opened"
    """Its identity opened the backup just now."""
    UNPROVEN = "unproven"
    """The backup is sealed to it, and its identity is not available: nothing was tried."""
    FAILED = "failed"
    """The backup is sealed to it, and its identity does not open it."""
    LEFT_OUT = "left out"
    """It is a recipient today, and the backup is not sealed to it."""


@dataclass(frozen=True, slots=True)
class Escrow:
    """One recipient of a backup, or of today."""

    fingerprint: str
    name: str
    """Empty where it is not on the list of recipients any more."""
    proof: Proof
    problem: SwarmnetError | None = None
