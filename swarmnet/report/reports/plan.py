"""What would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.reports.hosts import silent_hosts
from swarmnet.report.terminal.console import printed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from swarmnet.model.plan import Plan
    from swarmnet.model.state import HostFailure
    from swarmnet.report.documents.base import Output
    from swarmnet.report.terminal.console import Line


def plan_report(
    plan: Plan,
    document: Callable[[], Output],
    lines: Iterable[Line],
    *,
    failures: Sequence[HostFailure],
    refused: Sequence[str],
) -> Report:
    """Return a plan: a warning for each pending change, a failure for each reason why apply would refuse it.

    The document is made only for a format that shows it: the digest of each action is slow on purpose.
    """
    changes = [Check(one.kind, one.target, Status.WARNING, one.why) for one in plan.actions if not one.always]
    changes += [Check("refused", text, Status.FAILED, text) for text in refused]
    return Report(
        command="plan",
        document=document,
        checks=(*changes, *silent_hosts(failures)) or (Check("cluster", plan.cluster, Status.OK, "nothing to do"),),
        print_to=printed(lines),
    )
