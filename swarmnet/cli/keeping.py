"""The options that say which backups are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from swarmnet.plan.recovery.retention import Keep


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a rule keeps."""

    keep_last: Annotated[int, typer.Option("--keep-last", metavar="N", min=0, help="Keep the newest N backups.")] = 0
    keep_daily: Annotated[
        int, typer.Option("--keep-daily", metavar="N", min=0, help="Keep the newest backup of each of the last N days.")
    ] = 0
    keep_weekly: Annotated[
        int,
        typer.Option("--keep-weekly", metavar="N", min=0, help="Keep the newest backup of each of the last N weeks."),
    ] = 0
    keep_raft: Annotated[
        int,
        typer.Option(
            "--keep-raft", metavar="N", min=0, help="Keep the newest N raft archives; default: by the other rules."
        ),
    ] = 0

    def rules(self) -> Keep:
        """Return the rules."""
        from swarmnet.plan.recovery.retention import Keep

        return Keep(last=self.keep_last, daily=self.keep_daily, weekly=self.keep_weekly, raft=self.keep_raft)
