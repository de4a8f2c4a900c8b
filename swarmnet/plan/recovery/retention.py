"""Which backups to keep: grandfather, father, son; and what is never removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, StrictInt

from swarmnet.errors import RefusedError, UsageError
from swarmnet.model.backup import SAFETY
from swarmnet.model.base import Document
from swarmnet.plan.recovery.catalogue import is_ahead, newest_first, once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from swarmnet.model.sealed import Entry


class Keep(Document):
    """How many to keep; a day or week counts by its newest backup, in UTC. At least one rule must be given."""

    last: StrictInt = Field(default=0, ge=0)
    daily: StrictInt = Field(default=0, ge=0)
    weekly: StrictInt = Field(default=0, ge=0)
    raft: StrictInt = Field(default=0, ge=0)
    """Raft archives; 0 keeps them by the rules above. Alone, it leaves all other backups as they are."""

    @property
    def names_backups(self) -> bool:
        """True where a rule is about backups that are not raft archives."""
        return bool(self.last or self.daily or self.weekly)


def to_remove(entries: Sequence[Entry], keep: Keep, now: datetime) -> tuple[Entry, ...]:
    """Return the backups that no rule keeps, newest first.

    Only sound and complete ones count for the rules, so that partial ones never displace them, and the newest of them
    always stays. What an apply or a restore saved before it changed anything counts apart, by the same rules: a
    state that the operator replaced must not be why the backup of that day goes. So do raft archives, by a rule of
    their own if there is one. Several files of one backup count once, and stay or go together. Damaged and foreign ones
    are not removed: they are for people to look at.

    Raises:
        UsageError: no rule is given, which would remove everything.
        RefusedError: the newest is from the future, or no complete one is there.
    """
    if keep == Keep():
        raise UsageError("prune needs a rule", hint="for example --keep-last 3 --keep-daily 7 --keep-weekly 4")
    readable = [entry for entry in newest_first(entries) if entry.header is not None and entry.problem is None]
    archives = [entry for entry in once(readable) if entry.header is not None and entry.header.is_raft]
    complete = [entry for entry in once(readable) if entry.header is not None and entry.header.complete]
    complete = [entry for entry in complete if entry not in archives]
    if not complete:
        raise RefusedError("there is no complete, intact backup to keep: nothing is removed")
    if is_ahead(_time(readable[0]), now):
        raise RefusedError(
            f"the newest backup is from the future ({readable[0].name}): a clock is wrong, nothing is removed",
            hint="when this machine's clock is right, the one that took that backup was not: remove its file by hand",
        )
    saved = [entry for entry in complete if entry.header is not None and entry.header.reason in SAFETY]
    kept = _kept([entry for entry in complete if entry not in saved], keep) | _kept(saved, keep)
    kept |= _kept(archives, Keep(last=keep.raft) if keep.raft else keep)
    counted = {entry.id for entry in (*complete, *archives)}
    of_archives = {entry.id for entry in archives}
    return tuple(
        entry
        for entry in readable
        if entry.id not in kept
        and (entry.id in counted or _time(entry) < _time(complete[0]))
        and (keep.names_backups or entry.id in of_archives)
    )


def _kept(entries: Sequence[Entry], keep: Keep) -> set[str]:
    """Return the ids that the rules keep of these, always the newest."""
    kept = {entry.id for entry in entries[: max(keep.last, 1)]}
    kept |= _newest_of_each(entries, keep.daily, lambda time: time.strftime("%Y-%m-%d"))
    return kept | _newest_of_each(entries, keep.weekly, lambda time: time.strftime("%G-W%V"))


def _newest_of_each(entries: Sequence[Entry], count: int, period: Callable[[datetime], str]) -> set[str]:
    newest: dict[str, str] = {}
    for entry in entries:
        newest.setdefault(period(_time(entry)), entry.id)
    return set(list(newest.values())[:count])


def _time(entry: Entry) -> datetime:
    """Return the signed time of an entry with a header."""
    if entry.header is None:
        raise ValueError(f"{entry.name} has no header that verifies")
    return entry.header.created
