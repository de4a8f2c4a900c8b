"""Raft archives: one that was taken, or shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.console import printed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.report.documents.raft import BackupRaftDocument
    from swarmnet.report.terminal.console import Line


def raft_report(verb: str, document: BackupRaftDocument, lines: Iterable[Line]) -> Report:
    """Return an archive that was taken, or opened."""
    check = Check("backup", document.id, Status.OK, f"the state of {document.host}")
    return Report(f"backup {verb}", document, (check,), printed(lines))


def raft_lines(document: BackupRaftDocument) -> Iterator[Line]:
    """Yield what an archive is, and where it can be restored."""
    yield f"{document.path}  {document.size} B  raft"
    yield f"state of    {document.host}, node {document.node_id}, one of {count(len(document.managers), 'manager')}"
    yield f"cluster     {document.cluster} ({document.cluster_id})"
    yield f"restores on a host with address {document.address} and engine {document.engine} or newer"
    if document.autolock and len(document.managers) > 1:
        yield "autolocked: engines cannot begin this swarm again from it (moby#36852)"
    elif document.autolock:
        yield "autolocked: keep the swarm's unlock key of today with it"
    if document.seconds is not None:
        yield f"{document.host} was away for {document.seconds:.1f} s"
