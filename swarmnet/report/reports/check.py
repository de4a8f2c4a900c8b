"""What a check of hosts found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.documents.check import check_document
from swarmnet.report.formats.page import Page
from swarmnet.report.formats.report import Report
from swarmnet.report.reports.verify import verdict_check
from swarmnet.report.reports.verify_page import matrix_grid
from swarmnet.report.terminal.check import check_answer, show_check

if TYPE_CHECKING:
    from swarmnet.model.verification import Verification


def check_report(result: Verification, *, verbose: bool) -> Report:
    """Return a check of hosts: a line for each finding."""
    return Report(
        command="check",
        document=check_document(result),
        checks=tuple(map(verdict_check, result.verdicts)),
        print_to=lambda console: show_check(console, result, verbose=verbose),
        seconds=sum(phase.seconds for phase in result.phases),
        page=lambda: _page(result),
    )


def _page(result: Verification) -> Page:
    return Page(
        title=f"swarmnet check: cluster {result.cluster}",
        answer=check_answer(result),
        status=result.status,
        facts=(("run", result.run), ("hosts", ", ".join(result.hosts))),
        notes=result.notes,
        grids=tuple(map(matrix_grid, result.matrices)),
        timings=tuple((phase.name, phase.seconds) for phase in result.phases),
    )
