"""How a rehearsal of a restore ended: a backup brought back where nothing depends on it, proved, and compared."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from swarmnet.errors import ExitCode
from swarmnet.model.backup import Loss
from swarmnet.model.base import Document
from swarmnet.model.differences import Difference
from swarmnet.model.report import Status
from swarmnet.model.verification import Phase


class Ground(StrEnum):
    """Where a drill takes place."""

    LAB = "lab"
    HOSTS = "hosts"
    """Spare hosts of an inventory."""


class DrillResult(StrEnum):
    """What a drill showed."""

    PASSED = "passed"
    """All came back but what was announced, and the networks work."""
    INCOMPLETE = "incomplete"
    """Nothing is wrong, and something could not be proved."""
    FAILED = "failed"


class Rehearsed(Document):
    """The backup that a drill is of."""

    id: str
    name: str
    """``FOLDER/FILE``, by its signed header."""
    cluster: str
    created: AwareDatetime
    complete: bool
    sha256: str
    """Of the sealed file: it binds the report to the very bytes."""


class Explained(Document):
    """Something that is not as in the backup, and was announced to be so."""

    what: str
    why: str


class DrillReport(Document):
    """What a drill did, measured and found."""

    id: str
    tool: str
    operator: str
    """Who ran it, for people."""
    backup: Rehearsed
    ground: Ground
    place: str
    """The lab, or the inventory of the spare hosts."""
    hosts: dict[str, str]
    """Hosts of the backup, each with the host that took its place."""
    engines: dict[str, str]
    """Engine version of each host that took a place."""
    begun: AwareDatetime
    ready: float = 0.0
    """Seconds until the hosts of a lab answered: not part of the recovery time."""
    phases: tuple[Phase, ...] = ()
    """Parts of the recovery time, in order; actions that run at the same time count in each of their parts."""
    recovery: float = 0.0
    """Seconds from the sealed file to networks that are proved: the recovery time (RTO)."""
    target: float | None = None
    """Seconds that the recovery may take; None for as long as it takes."""
    restored: tuple[str, ...] = ()
    """What was made or changed."""
    failed: tuple[str, ...] = ()
    """What could not be restored, and what a second plan would still do."""
    verified: Status | None = None
    """Outcome of verify; None when it did not run."""
    findings: tuple[str, ...] = ()
    """What verify found wrong or could not prove, in words."""
    compared: bool = False
    """True when the restored cluster was compared with the backup."""
    lost: tuple[Difference, ...] = ()
    """Differences from the backup that nothing announces: what the drill is for."""
    explained: tuple[Explained, ...] = ()
    """What is different, and was announced."""
    unseen: tuple[str, ...] = ()
    """What could not be compared."""
    losses: tuple[Loss, ...] = ()
    """What no restore brings back."""
    missing: tuple[str, ...] = ()
    """Hosts that did not answer."""
    interrupted: bool = False
    left_behind: tuple[str, ...] = Field(default=())
    """What could not be taken down again."""
    kept: str | None = None
    """How to remove what was kept on request."""

    @property
    def age(self) -> float:
        """Seconds from the backup to the drill: what a loss at that moment would have cost (RPO)."""
        return max(0.0, (self.begun - self.backup.created).total_seconds())

    @property
    def late(self) -> bool:
        """True where the recovery took longer than it may."""
        return self.target is not None and self.recovery > self.target

    @property
    def result(self) -> DrillResult:
        """The verdict: failed before incomplete before passed."""
        if self.failed or self.lost or self.late or self.verified is Status.FAILED or self.left_behind:
            return DrillResult.FAILED
        proved = self.verified in (Status.OK, Status.WARNING) and self.compared and self.backup.complete
        if not proved or self.unseen or self.missing or self.interrupted:
            return DrillResult.INCOMPLETE
        return DrillResult.PASSED

    @property
    def exit_code(self) -> int:
        """An interruption, else the gravest: what failed or was lost, what does not work, what is not proved."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.failed or self.lost or self.left_behind:
            return ExitCode.FAILED
        if self.verified is Status.FAILED:
            return ExitCode.RESTORED_BUT_UNVERIFIED
        if self.late:
            return ExitCode.FAILED
        return ExitCode.DONE if self.result is DrillResult.PASSED else ExitCode.INCOMPLETE
