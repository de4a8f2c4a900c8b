"""A result as one JSON object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from swarmnet.model.sensitive import SENSITIVE

if TYPE_CHECKING:
    from swarmnet.report.formats.report import Report


def render(report: Report) -> str:
    """Return the document of the report."""
    return json.dumps(SENSITIVE.masked_json(report.tree())) + "\n"
