"""Rounds of verify, one after another: what each shows against the one before, and how long to wait for the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from swarmnet.errors import ExitCode, SwarmnetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.clock import Clock
    from swarmnet.report.documents.verify import VerifyDocument
    from swarmnet.report.documents.verify_changes import Status
    from swarmnet.report.documents.watch import WatchDocument

REST = 3.0
"""Pauses last at least this many times as long as the round before: hosts are busy a quarter of the time at most."""
EXITS = {"failed": ExitCode.FAILED, "inconclusive": ExitCode.INCOMPLETE}


@dataclass(frozen=True, slots=True)
class Looked:
    """A round that asked the cluster."""

    document: VerifyDocument
    answer: str
    """One sentence for people."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, and how long."""

    every: float
    """Seconds from one begin to the next, unless a round takes long."""
    rounds: int | None = None
    """None goes on until it is ended."""
    stop_on_failure: bool = False


@dataclass(slots=True)
class Watch:
    """What goes on from round to round."""

    cluster: str
    look: Callable[[], Looked]
    tell: Callable[[WatchDocument], None]
    clock: Clock
    _earlier: VerifyDocument | None = None
    _status: Status | None = None
    _problem: int | None = None
    """The exit code of what kept the last round from asking."""
    _has_begun: bool = False

    def run(self, pace: Pace) -> int:
        """Look, print changes, wait, and look again; return the exit code of the last round."""
        number = 0
        while True:
            number += 1
            begun = self.clock.monotonic()
            code = self._round(number)
            if number == pace.rounds or (pace.stop_on_failure and code == ExitCode.FAILED):
                return code
            took = self.clock.monotonic() - begun
            self.clock.sleep(max(pace.every - took, REST * took))

    def _round(self, number: int) -> int:
        from swarmnet.report.documents.verify_since import since
        from swarmnet.report.documents.watch import WatchDocument

        looked, problem = self._looked()
        found = None if looked is None else looked.document
        result = WatchDocument(
            schema_=1,
            cluster=self.cluster,
            at=self.clock.now().astimezone(UTC).isoformat(timespec="seconds"),
            round=number,
            status=None if found is None else found.status,
            before=self._status,
            answer=looked.answer if looked is not None else "" if problem is None else problem.message,
            problem=None if problem is None else problem.message,
            since=None if found is None or self._earlier is None else since(self._earlier, found),
        )
        differs = result.since is not None and bool(result.since.verdicts or result.since.pairs)
        changed = result.status != self._status or differs
        if changed or not self._has_begun or (problem is not None and problem.exit_code != self._problem):
            self.tell(result)
        self._has_begun, self._status = True, result.status
        self._problem = None if problem is None else problem.exit_code
        self._earlier = found or self._earlier
        return EXITS.get(result.status or "", ExitCode.DONE) if problem is None else problem.exit_code

    def _looked(self) -> tuple[Looked | None, SwarmnetError | None]:
        try:
            return self.look(), None
        except SwarmnetError as error:  # the cluster cannot be asked now: that is a finding, and the next round may
            return None, error
