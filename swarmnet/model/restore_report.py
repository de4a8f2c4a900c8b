"""How a restore ended."""

from __future__ import annotations

from pydantic import AwareDatetime

from swarmnet.errors import ExitCode
from swarmnet.model.backup import Loss
from swarmnet.model.base import Document
from swarmnet.model.plan import Skip
from swarmnet.model.report import Status


class RestoreReport(Document):
    """What came back, what did not, and whether it works."""

    backup: str
    """The backup's id."""
    taken: AwareDatetime
    """Everything after this moment is lost."""
    cluster: str
    restored: tuple[str, ...]
    """What was made or changed."""
    failed: tuple[str, ...] = ()
    """Actions that failed, and what a second plan would still do."""
    not_begun: tuple[str, ...] = ()
    """Actions that were not reached, since another one failed or the operator asked to stop."""
    not_awaited: tuple[str, ...] = ()
    """What was accepted, and not watched to its end when the operator asked to stop."""
    interrupted: bool = False
    skips: tuple[Skip, ...] = ()
    losses: tuple[Loss, ...] = ()
    verified: Status | None = None
    """Outcome of verify; None when it was not run."""
    missing: tuple[str, ...] = ()
    """Hosts that did not answer."""
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """An interruption, else the gravest: what failed, what does not work, what was left out, what is not proved."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.failed:
            return ExitCode.FAILED
        if self.verified is Status.FAILED:
            return ExitCode.RESTORED_BUT_UNVERIFIED
        if self.skips:
            return ExitCode.RESTORED_WITH_SKIPS
        if self.verified in (None, Status.INCONCLUSIVE) or self.missing:
            return ExitCode.INCOMPLETE
        return ExitCode.DONE
