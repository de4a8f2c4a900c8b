"""The results of verify that were kept, and what changed between two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.console import line, printed, table
from swarmnet.report.terminal.since import since_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.report.documents.history import HistoryDiffDocument, HistoryDocument
    from swarmnet.report.terminal.console import Line


def history_report(found: HistoryDocument) -> Report:
    """Return the results that are kept: a check for each."""
    checks = [Check("run", one.run, Status(one.status), ", ".join(one.causes)) for one in found.runs]
    checks += [Check("unreadable", text, Status.SKIPPED, text) for text in found.unreadable]
    return Report("history list", found, tuple(checks), printed(_lines(found)))


def _lines(found: HistoryDocument) -> Iterator[Line]:
    if found.runs:
        rows = [
            (one.at, one.run, one.status, str(one.hosts), str(one.networks), ", ".join(one.causes))
            for one in found.runs
        ]
        yield table(("TIME", "RUN", "STATUS", "HOSTS", "NETWORKS", "CAUSES"), rows)
    else:
        yield f"no result of cluster {found.cluster} is kept; keep one with swarmnet verify --save"
    for text in found.unreadable:
        yield line((f"not read: {text}", "yellow"))


def history_diff_report(found: HistoryDiffDocument) -> Report:
    """Return what changed: a check for each finding that is another one."""
    checks = [
        Check(one.scenario, one.subject, Status(one.after or "skipped"), f"before: {one.before or 'not reported'}")
        for one in found.since.verdicts
    ]
    lines = (f"run {found.run} ({found.status}) compared with an earlier one:", *since_lines(found.since))
    return Report("history diff", found, tuple(checks), printed(lines))
