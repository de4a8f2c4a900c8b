"""How a drill ended, and the drills that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.drill_pages import RESULTS, page
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.console import printed
from swarmnet.report.terminal.drill import drill_lines, list_lines, lose_lines

if TYPE_CHECKING:
    from swarmnet.report.documents.drill import DrillDocument, DrillsDocument, LoseDocument


def drill_report(found: DrillDocument) -> Report:
    """Return how a drill ended: a check for what came back, what was lost, the networks, and the taking down."""
    verified = Status.INCONCLUSIVE if found.verified is None else Status(found.verified)
    checks = [Check("restored", text, Status.OK) for text in found.restored]
    checks += [Check("failed", text, Status.FAILED, text) for text in found.failed]
    checks += [Check("lost", one.object, Status.FAILED, f"{one.kind}, and nothing announces it") for one in found.lost]
    checks += [Check("announced", one.what, Status.SKIPPED, one.why) for one in found.explained]
    checks += [Check("compared", text, Status.INCONCLUSIVE, text) for text in found.unseen]
    checks += [Check("host", host, Status.INCONCLUSIVE, "did not answer") for host in found.missing]
    checks += [Check("taken-down", text, Status.FAILED, text) for text in found.left_behind]
    checks += [Check("verify", "networks", verified, "; ".join(found.findings))]
    checks += [Check("drill", found.backup.name, RESULTS[found.result], f"RTO {found.recovery_seconds:.1f} s")]
    return Report(
        command="drill",
        document=found,
        checks=tuple(checks),
        print_to=printed(drill_lines(found)),
        seconds=found.recovery_seconds,
        page=lambda: page(found),
    )


def drills_report(found: DrillsDocument) -> Report:
    """Return the drills that are kept, a check for each."""
    checks = [Check("drill", one.path, RESULTS[one.result], f"signature {one.signature}") for one in found.drills]
    checks += [Check("unreadable", text, Status.FAILED, text) for text in found.unreadable]
    return Report(
        command="drill list", document=found, checks=tuple(checks), print_to=printed(list_lines(found)), seconds=0.0
    )


def lose_report(found: LoseDocument) -> Report:
    """Return what a loss cost: a check for each port, and for each node that takes tasks again."""
    checks = [
        Check(
            "port",
            f"{one.service}:{one.port}",
            Status.WARNING if one.failed else Status.OK,
            f"{one.failed} of {one.sent} requests failed, longest time without an answer {one.gap_seconds:.2f} s",
        )
        for one in found.answers
    ]
    checks += [
        Check("port", f"{one.service}:{one.port}", Status.INCONCLUSIVE, "it did not answer before")
        for one in found.silent
    ]
    checks += [Check("failed", text, Status.FAILED, text) for text in found.failed]
    checks += [Check("not-back", text, Status.FAILED, text) for text in found.not_back]
    return Report(
        command="drill lose",
        document=found,
        checks=tuple(checks),
        print_to=printed(lose_lines(found)),
        seconds=found.drained_seconds,
    )
