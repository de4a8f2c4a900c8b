"""Raft archives of a schedule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.cli.wiring import note, this_operator

if TYPE_CHECKING:
    from datetime import datetime

    from swarmnet.model.schedule import Schedule
    from swarmnet.plan.recovery.raft import Source
    from swarmnet.workflows.raft import RaftOrder


def archived(schedule: Schedule) -> str:
    """Archive the state of the manager whose stop costs least, and return what was written.

    Raises:
        RefusedError: no majority would be left meanwhile: a schedule never allows that.
        SwarmnetError: it could not be taken, or the engine does not come back.
    """
    from datetime import UTC, datetime

    from swarmnet.cli.options import Cluster
    from swarmnet.cli.sealing import sealing_vault
    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.workflows.raft import archive

    log = None if schedule.log_file is None else Path(schedule.log_file)
    cluster = Cluster(Path(schedule.inventory), schedule.timeout, schedule.verbosity, log_file=log)
    vault = sealing_vault(Path(schedule.keys), None, None, single_recipient=schedule.single_recipient)
    with cluster.observed(cluster.read()) as ports:
        taken = archive(
            ports,
            order_of_run(datetime.now(UTC)),
            vault=vault,
            repository=DirectoryRepository(Path(schedule.repository)),
            operator=this_operator(),
            agree=_report_source,
        )
    return f"{taken.path}  {taken.size} B  raft: {taken.manifest.host} was back after {taken.seconds:.0f} s"


def order_of_run(now: datetime) -> RaftOrder:
    """Return the archive that a run takes at this time."""
    import uuid
    from importlib.metadata import version as installed

    from swarmnet.model.backup import Reason
    from swarmnet.workflows.raft import RaftOrder

    tool = f"swarmnet {installed('swarmnet')}"
    return RaftOrder(backup_id=uuid.uuid4().hex, created=now, tool=tool, reason=Reason.SCHEDULE)


def _report_source(chosen: Source) -> None:
    note(f"{chosen.host}: its engine is stopped for some seconds")
