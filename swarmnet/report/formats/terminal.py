"""A result as people read it, without colours."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from swarmnet.model.sensitive import SENSITIVE
from swarmnet.report.terminal.console import console_for

if TYPE_CHECKING:
    from swarmnet.report.formats.report import Report


def render(report: Report) -> str:
    """Return the lines and tables as plain text."""
    stream = io.StringIO()
    report.print_to(console_for(stream))
    return SENSITIVE.masked(stream.getvalue())
