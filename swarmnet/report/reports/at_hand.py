"""What is available for a restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.documents.at_hand import at_hand_document
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.at_hand import at_hand_lines, next_commands
from swarmnet.report.terminal.console import printed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from swarmnet.model.at_hand import AtHand


def at_hand_report(found: AtHand, now: datetime) -> Report:
    """Return what is available: a check for each backup and for each key."""
    document = at_hand_document(found, next_commands(found))
    return Report("restore", document, tuple(_checks(found)), printed(at_hand_lines(found, now)))


def _checks(found: AtHand) -> Iterator[Check]:
    for one in found.backups:
        if one.opened_by is not None:
            yield Check("backup", one.name, Status.OK, f"{one.opened_by} opens it")
        else:
            yield Check("backup", one.name, Status.FAILED, one.problem or "no available key opens it", one.hint or "")
    for key in found.keys:
        if key.problem is not None:
            yield Check("key", key.path, Status.WARNING, key.problem, key.hint or "")
    if not found.backups:
        yield Check("backup", "none", Status.FAILED, "no backup was found")
