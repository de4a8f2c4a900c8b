"""A cluster at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.console import printed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.report.documents.status import StatusDocument
    from swarmnet.report.terminal.console import Line


def status_report(document: StatusDocument, lines: Iterable[Line]) -> Report:
    """Return a cluster at a glance: a check for the cluster, and for each node and service."""
    found = document.standing
    health = {"healthy": Status.OK, "degraded": Status.WARNING, "lost": Status.FAILED}
    whole = Check(
        "cluster",
        document.cluster,
        health.get(found.health, Status.INCONCLUSIVE),
        "; ".join((found.health, *found.reasons)),
        found.next or "",
    )
    nodes = [
        Check(
            "node",
            one.host or one.hostname or one.id,
            Status.OK if one.status == "ready" else Status.FAILED,
            one.status,
        )
        for one in document.nodes
    ]
    services = [
        Check(
            "service",
            one.name,
            Status.OK if one.running >= one.desired and not one.failing else Status.FAILED,
            f"{one.running}/{one.desired} running" + "".join(f"; {why}" for why in one.failing),
        )
        for one in document.services
    ]
    hosts = [Check("host", one.host, Status.INCONCLUSIVE, one.reason, one.hint or "") for one in document.failures]
    return Report(
        command="status",
        document=document,
        checks=(whole, *nodes, *services, *hosts, *_backups(document)),
        print_to=printed(lines),
    )


def _backups(document: StatusDocument) -> Iterator[Check]:
    found = document.backups
    if found is not None and (found.overdue or found.newest is not None):
        said = f"newest {found.newest or 'none'} in {found.place}"
        advice = f"swarmnet schedule run {document.cluster}" if found.scheduled else "swarmnet backup create"
        yield Check(
            "backup",
            document.cluster,
            Status.FAILED if found.overdue else Status.OK,
            said,
            advice if found.overdue else "",
        )
