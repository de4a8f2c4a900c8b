"""A playbook that was written for what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.adopt import adopt_lines
from swarmnet.report.terminal.console import printed

if TYPE_CHECKING:
    from swarmnet.report.documents.adopt import AdoptDocument


def adopt_report(document: AdoptDocument) -> Report:
    """Return a playbook that was written: a warning for each object that it does not describe."""
    checks = [Check("left-out", one.object, Status.WARNING, one.reason) for one in document.left_out]
    checks += [Check("warning", text, Status.WARNING, text) for text in document.warnings]
    checks += [Check("host", one.host, Status.INCONCLUSIVE, one.reason, one.hint or "") for one in document.failures]
    written = Check("written", document.playbook, Status.OK)
    return Report("adopt", document, (*checks, written), printed(adopt_lines(document)))
