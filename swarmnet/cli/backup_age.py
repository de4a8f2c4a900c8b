"""How old the newest backup of a cluster is: in the place that was named, that a schedule writes to, or here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.repositories import DEFAULT_REPOSITORY
from swarmnet.cli.sealing import KeysOption
from swarmnet.errors import BackupNotFoundError, SwarmnetError

if TYPE_CHECKING:
    from swarmnet.edge.backups.vault import AgeVault
    from swarmnet.model.backup_age import BackupAge
    from swarmnet.model.schedule import Schedule

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Watched:
    """Where the newest backup is looked for, and how old it may be."""

    repository: Annotated[
        str | None,
        typer.Option(
            "--repository",
            metavar="DIR|URL",
            help="Look for the newest backup there; default: where the cluster's schedule writes, else `backups` here.",
            envvar="SWARMNET_REPOSITORY",
            show_default=False,
        ),
    ] = None
    max_age: Annotated[
        float | None,
        typer.Option(
            "--max-age",
            metavar="HOURS",
            min=0,
            help="Exit 3 when the newest complete backup is older; default: what the cluster's schedule says.",
            show_default=False,
        ),
    ] = None
    keys: KeysOption = None

    def age(self, cluster: str) -> BackupAge:
        """Return how old the newest complete backup is. What cannot be read is a finding, not an error.

        Raises:
            UsageError: the repository that was named is a URL that is not a target's.
        """
        from swarmnet.cli.targets import repository_at
        from swarmnet.model.backup_age import BackupAge

        try:
            schedule = _schedule(cluster)
        except SwarmnetError as error:
            return BackupAge(place=self.repository or DEFAULT_REPOSITORY, problem=str(error))
        hours = self.max_age
        limit = None if hours is None else int(hours * _HOUR)
        if limit is None and schedule is not None:
            limit = schedule.max_age
        named = self.repository or (None if schedule is None else schedule.repository) or DEFAULT_REPOSITORY
        store = repository_at(named)
        found = BackupAge(place=store.place, max_age=limit, is_scheduled=schedule is not None)
        return self._looked(found, named, cluster, schedule)

    def _looked(self, found: BackupAge, named: str, cluster: str, schedule: Schedule | None) -> BackupAge:
        from swarmnet.cli.targets import repository_at
        from swarmnet.workflows.backup_lookup import newest_complete

        now = datetime.now(UTC)
        keys = self.keys if self.keys is not None or schedule is None else Path(schedule.keys)
        newest = None
        try:
            newest = newest_complete(repository_at(named), partial(_checker, keys), cluster, now)
        except BackupNotFoundError:  # none was written yet, or its disk is not there: that there is none says so
            pass
        except SwarmnetError as error:
            return found.model_copy(update={"problem": str(error)})
        since = newest or (None if schedule is None else schedule.installed)
        seconds = None if since is None else max(0.0, (now - since).total_seconds())
        too_old = found.max_age is not None and (seconds is None or seconds > found.max_age)
        return found.model_copy(
            update={"newest": newest, "seconds": None if newest is None else seconds, "overdue": too_old}
        )


def _schedule(cluster: str) -> Schedule | None:
    from swarmnet.cli.schedules import schedules

    return schedules(None).find(cluster)


def _checker(keys: Path | None) -> AgeVault:
    """Return what checks signatures; its libraries are loaded only for that."""
    from swarmnet.cli.sealing import key_ring, trusted_signers
    from swarmnet.edge.backups.vault import AgeVault

    return AgeVault(trusted=trusted_signers(key_ring(keys), None))
