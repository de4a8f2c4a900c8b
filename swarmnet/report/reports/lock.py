"""The locks of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.console import printed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.report.documents.lock import LocksDocument
    from swarmnet.report.terminal.console import Line


def lock_report(verb: str, document: LocksDocument, lines: Iterable[Line]) -> Report:
    """Return the locks: a warning for each, since it keeps other runs out."""
    checks = [Check("lock", one.place, Status.WARNING, one.pulse) for one in document.locks]
    none = Check("cluster", document.cluster, Status.OK, "not locked")
    return Report(f"lock {verb}", document, tuple(checks) or (none,), printed(lines))
