"""How old the newest backup of a cluster is, as ``status`` tells it."""

from __future__ import annotations

from pydantic import AwareDatetime

from swarmnet.model.base import Count, Document, Flag


class BackupAge(Document):
    """The newest complete backup of one cluster, in the one place that was looked into."""

    place: str
    newest: AwareDatetime | None = None
    """When it was taken; None where there is none."""
    seconds: float | None = None
    """Since then; None where there is none."""
    max_age: Count | None = None
    """Seconds after which it is too old; None where no schedule and no option says so."""
    overdue: Flag = False
    is_scheduled: Flag = False
    """True where a schedule of this user takes backups of the cluster."""
    problem: str | None = None
    """Why the place could not be looked into."""
