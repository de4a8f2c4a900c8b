"""Which backups to keep: grandfather, father, son; and what is never removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, StrictInt

from swarmnet.errors import RefusedError, UsageError
from swarmnet.model.base import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from swarmnet.model.sealed import Entry

AHEAD = 300.0
"""Seconds that the newest backup may be from the future before pruning is refused: some clock jumped."""


class Keep(Document):
    """How many to keep; a day or week counts by its newest backup, in UTC. At least one rule must be given."""

    last: StrictInt = Field(default=0, ge=0)
    daily: StrictInt = Field(default=0, ge=0)
    weekly: StrictInt = Field(default=0, ge=0)


def to_remove(entries: Sequence[Entry], keep: Keep, now: datetime) -> tuple[Entry, ...]:
    """Return the backups that no rule keeps, newest first.

    Only sound and complete ones count for the rules, so that partial ones never displace them, and the newest of them
    stays in any case. Damaged and foreign ones are not removed: they are for people to look at.

    Raises:
        UsageError: no rule is given, which would remove everything.
        RefusedError: the newest is from the future, or no complete one is there.
    """
    if keep == Keep():
        raise UsageError("prune needs a rule", hint="for example --keep-last 3 --keep-daily 7 --keep-weekly 4")
    readable = sorted((e for e in entries if e.header is not None), key=_time, reverse=True)
    complete = [entry for entry in readable if entry.header is not None and entry.header.complete]
    if not complete:
        raise RefusedError("there is no sound, complete backup to keep: nothing is removed")
    if (_time(readable[0]) - now).total_seconds() > AHEAD:
        raise RefusedError(
            f"the newest backup is from the future ({readable[0].name}): a clock is wrong, nothing is removed"
        )
    kept = {complete[0].name, *(entry.name for entry in complete[: keep.last])}
    kept |= _newest_of_each(complete, keep.daily, lambda time: time.strftime("%Y-%m-%d"))
    kept |= _newest_of_each(complete, keep.weekly, lambda time: time.strftime("%G-W%V"))
    superseded = [entry for entry in readable if entry not in complete and _time(entry) < _time(complete[0])]
    return tuple(entry for entry in readable if entry.name not in kept and entry in (*complete, *superseded))


def _newest_of_each(entries: Sequence[Entry], count: int, period: Callable[[datetime], str]) -> set[str]:
    newest: dict[str, str] = {}
    for entry in entries:
        newest.setdefault(period(_time(entry)), entry.name)
    return set(list(newest.values())[:count])


def _time(entry: Entry) -> datetime:
    """Return the signed time; a file's name can be changed by anybody."""
    return entry.created if entry.header is None else entry.header.created
