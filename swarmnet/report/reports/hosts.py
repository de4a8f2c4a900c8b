"""Hosts that did not answer, as checks of any report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.formats.report import Check

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.state import HostFailure


def silent_hosts(failures: Iterable[HostFailure]) -> Iterator[Check]:
    """Yield an inconclusive check for each host whose state is not known."""
    for one in failures:
        yield Check("host", one.host, Status.INCONCLUSIVE, one.reason, one.hint or "")
