"""Backups that were taken at one time or another."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from swarmnet.model.state import HostFailure
from tests.support.backups import CREATED, a_document, a_state

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument

NOW = CREATED + timedelta(days=60)
PARTIAL = a_state().model_copy(update={"failures": (HostFailure(host="w2", reason="no route to host"),)})


def taken(hours: int, *, number: int | None = None, cluster: str = "prod", complete: bool = True) -> BackupDocument:
    """Return a backup that was taken so many hours after the first."""
    document = a_document() if complete else a_document(PARTIAL)
    backup_id = f"{hours if number is None else number:032x}"
    created = CREATED + timedelta(hours=hours)
    return document.model_copy(update={"created": created, "id": backup_id, "cluster": cluster})
