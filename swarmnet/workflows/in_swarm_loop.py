"""The loop of the scheduler that is a service of the swarm, in its own task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.model.in_swarm import ASKED_LABEL, HISTORY_LABEL, SERVED_LABEL
from swarmnet.plan.schedule import after_run, is_due
from swarmnet.workflows.in_swarm import find, history_of, write_labels

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from swarmnet.model.base import Labels
    from swarmnet.model.clock import Clock
    from swarmnet.model.ports import SwarmPort
    from swarmnet.model.schedule import History, RunRecord, Schedule

TURN_EVERY = 5.0
"""Seconds between two looks of the scheduler at its own service."""
RETRY_EVERY = 300.0
"""Seconds between two runs that could not begin."""
_LINES, _WIDTH = 20, 400
"""What a label keeps of a run's lines."""


@dataclass
class Scheduler:
    """The loop of the scheduler's task, turn by turn.

    Times of the schedule are those of the process: its container is in UTC.
    """

    schedule: Schedule
    run: Callable[[History], RunRecord]
    clock: Clock
    _unwritten: Labels = field(default_factory=dict)

    def turn(self, manager: SwarmPort) -> bool:
        """Do a run if one is due, or was asked for; return whether there was one.

        What became of a run is written down before there is another one.

        Raises:
            HostError: no manager answers for the swarm.
        """
        self._write(manager)
        service = find(manager)
        if service is None:  # it was removed: this task ends in a moment
            return False
        history, labels = history_of(service), service.spec.labels
        asked = labels.get(ASKED_LABEL, "")
        now = self.clock.now()
        if asked == labels.get(SERVED_LABEL, "") and (_waits(history, now) or not is_due(self.schedule, history, now)):
            return False
        after = after_run(self.schedule, history, self.run(history))
        kept = after.model_copy(update={"last": None if after.last is None else _shortened(after.last)})
        self._unwritten = {HISTORY_LABEL: kept.model_dump_json(), SERVED_LABEL: asked}
        self._write(manager)
        return True

    def _write(self, manager: SwarmPort) -> None:
        if self._unwritten:
            write_labels(manager, self._unwritten)
            self._unwritten = {}


def _waits(history: History, now: datetime) -> bool:
    """Return whether the last run could not begin, and was a moment ago."""
    last = history.last
    return last is not None and last.retry and 0 <= (now - last.started).total_seconds() < RETRY_EVERY


def _shortened(record: RunRecord) -> RunRecord:
    return record.model_copy(update={"lines": tuple(line[:_WIDTH] for line in record.lines[-_LINES:])})
