"""How a run ended: per host, per check, and as an exit code."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from swarmnet.model.base import Document, JsonValue


class Status(StrEnum):
    """The outcome of one check. ``inconclusive`` means that it could not run: never a pass."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"


class Verdict(Document):
    """One finding of a check, with what it rests on."""

    scenario: str
    subject: str
    """What was judged: ``network front``, ``w1 -> w2``."""
    status: Status
    detail: str
    """One sentence for people."""
    fix: str | None = None
    evidence: dict[str, JsonValue] = Field(default_factory=dict)


class ExitCode:
    """What the process ends with, besides the codes of errors."""

    DONE = 0
    FAILED = 1
    INCOMPLETE = 3
    PENDING = 6
    RESTORED_WITH_SKIPS = 15
    RESTORED_BUT_UNVERIFIED = 16
    INTERRUPTED = 130
