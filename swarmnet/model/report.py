"""How a run ended: per host, per check, and as an exit code."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from swarmnet.errors import ExitCode
from swarmnet.model.base import Document, JsonValue
from swarmnet.model.plan import Skip
from swarmnet.model.state import ClusterState, HostFailure


class Status(StrEnum):
    """The outcome of one check. ``inconclusive`` means that it could not run: never a pass."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"


WORST_FIRST = (Status.FAILED, Status.INCONCLUSIVE, Status.WARNING, Status.OK, Status.SKIPPED)


class Certainty(StrEnum):
    """How sure it is that a cause is what is wrong."""

    PROVEN = "proven"
    """The broken thing itself was seen, or measured."""
    LIKELY = "likely"
    """It is concluded from what failed and what did not; the broken thing itself was not seen."""
    POSSIBLE = "possible"
    """It is one of several explanations, or it kept a check from running."""


Claim = tuple[str, ...]
"""Something that can be broken: a word for its kind, then the names that it is about; ``("esp", "m1", "m2")``."""


class Cause(Document):
    """The verdict that another one follows from."""

    verdict: int
    """Its position among the verdicts of the same report, from 0."""
    scenario: str
    subject: str
    cause: str | None = None
    """The stable id of what is wrong there, as in its verdict."""


class Verdict(Document):
    """One finding of a check, with what it rests on.

    ``broken`` and ``needed`` are what :mod:`swarmnet.verify.causes.consequences` separates causes from consequences by;
    they are not part of any JSON.
    """

    scenario: str
    subject: str
    """What was judged: ``network front``, ``w1 -> w2``."""
    status: Status
    detail: str
    """One sentence for people; no program reads it."""
    cause: str | None = None
    """The stable id of what is wrong (:class:`swarmnet.verify.ids.CauseId`); None where nothing is."""
    certainty: Certainty | None = None
    """How sure the cause is; None where there is none."""
    fix: str | None = None
    evidence: dict[str, JsonValue] = Field(default_factory=dict)
    because_of: tuple[Cause, ...] = ()
    """The causes that explain all of it; empty for a cause, and for what is well."""
    broken: frozenset[Claim] = Field(default=frozenset(), exclude=True)
    """What this finding proved to be broken."""
    needed: tuple[frozenset[Claim], ...] = Field(default=(), exclude=True)
    """For each thing that failed, the places any of which explains that, when another finding proved it broken."""


class OutcomeStatus(StrEnum):
    """How an action ended. ``skipped`` was not begun; ``stopped`` was accepted, and not watched to its end."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    STOPPED = "stopped"


class Outcome(Document):
    """What became of one action of a plan."""

    kind: str
    target: str
    status: OutcomeStatus
    seconds: float = 0.0
    error: str | None = None
    hint: str | None = None


class ApplyReport(Document):
    """How the execution of a plan ended."""

    cluster: str
    outcomes: tuple[Outcome, ...] = ()
    """One for each action, in the plan's order; empty when there was nothing to do."""
    pending: tuple[str, ...] = ()
    """What a second plan would still do; nothing is left when the run succeeded."""
    unsettled: tuple[str, ...] = ()
    """Services whose tasks do not all run and nodes that are not ready, though nothing is left to do: a killed run,
    nodes that are lost, or a cause of their own."""
    failures: tuple[HostFailure, ...] = ()
    """Hosts that did not answer."""
    interrupted: bool = False
    seconds: float = 0.0
    state: ClusterState = Field(default=ClusterState(), exclude=True)
    """The last state that this run observed: after a success, what the second plan was made of."""
    skips: tuple[Skip, ...] = Field(default=(), exclude=True)
    """Of a restore: what its last plan leaves different from the backup."""

    @property
    def failed(self) -> bool:
        """True when an action failed, or the second plan was not empty."""
        return bool(self.pending) or any(outcome.status is OutcomeStatus.FAILED for outcome in self.outcomes)

    @property
    def exit_code(self) -> int:
        """What the process ends with."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.failed:
            return ExitCode.FAILED
        return ExitCode.INCOMPLETE if self.failures or self.unsettled else ExitCode.DONE
