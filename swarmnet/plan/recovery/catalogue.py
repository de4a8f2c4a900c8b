"""Which backup is meant: order, ``latest``, names, and whether something newer was there before.

All of it goes by headers that verify. A file's name, its folder and its time are labels that anyone can change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.age import in_words
from swarmnet.model.backup import Reason
from swarmnet.model.sealed import Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from swarmnet.model.sealed import Entry, SealedHeader

LATEST = "latest"
TIME = "%Y-%m-%d %H:%M:%S UTC"
AHEAD = 300.0
"""Seconds that a backup may be in the future; with more, a clock is or was wrong."""


def newest_first(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the backups by their signed time, newest first; after them, by name, those that do not verify."""
    return tuple(sorted(entries, key=_order, reverse=True))


def _order(entry: Entry) -> tuple[bool, tuple[datetime, str] | None, str]:
    mark = None if entry.header is None else Mark.of(entry.header).order
    return mark is not None, mark, entry.path.name


def once(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return one entry of each backup: files of one id are one backup, of which those that can be used come first."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.header is not None:
            known = found.setdefault(entry.header.id, entry)
            if known.problem is not None and entry.problem is None:
                found[entry.header.id] = entry
    return newest_first(found.values())


def of_kind(entries: Iterable[Entry], *, raft: bool) -> tuple[Entry, ...]:
    """Return raft archives, or all others; what does not verify is of either kind."""
    return tuple(one for one in entries if one.header is None or one.header.is_raft is raft)


def latest(entries: Iterable[Entry], *, raft: bool = False) -> Entry | None:
    """Return the newest complete backup, the newest partial one where none is complete; None when nothing verifies.

    Raft archives count where they are asked for, and nothing else then: most commands cannot use one.

    What was saved before a restore comes last: it is what the operator replaces, and a restore of ``latest`` that was
    interrupted must mean the same backup when it is run again.
    """
    return min(once(of_kind(entries, raft=raft)), key=_unlikeliness, default=None)


def _unlikeliness(entry: Entry) -> tuple[bool, bool]:
    header = entry.header
    return header is None or header.reason is Reason.PRE_RESTORE, header is None or not header.complete


def meant(entries: Sequence[Entry], reference: str, *, raft: bool = False) -> tuple[Entry, ...]:
    """Return what ``latest``, a name, or the beginning of a name or of an id means; several where it is not unique.

    An exact name comes before beginnings, and a backup that verifies before what only has such a name.
    """
    if reference == LATEST:
        newest = latest(entries, raft=raft)
        return () if newest is None else (newest,)
    wanted = reference.removesuffix(".swarmnet")
    exact = tuple(entry for entry in entries if entry.name == wanted)
    begun = tuple(
        entry for entry in entries if wanted and (entry.name.startswith(wanted) or entry.id.startswith(wanted))
    )
    return next((found for one in (exact, begun) for found in (once(one), one) if found), ())


def latest_of_each(entries: Sequence[Entry]) -> Iterator[SealedHeader]:
    """Yield what ``latest`` means for each cluster."""
    for cluster in sorted({entry.header.cluster for entry in entries if entry.header is not None}):
        own = (entry for entry in entries if entry.header is not None and entry.header.cluster == cluster)
        newest = latest(own)
        if newest is not None and newest.header is not None:
            yield newest.header


def is_ahead(time: datetime, now: datetime) -> bool:
    """Return whether a time is so far in the future that a clock is or was wrong."""
    return (time - now).total_seconds() > AHEAD


def usable(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the complete backups that can be used, whatever their reason but a restore; newest first."""
    return tuple(
        one
        for one in of_kind(once(entries), raft=False)
        if one.problem is None and one.header and one.header.complete and one.header.reason is not Reason.PRE_RESTORE
    )


def newest_of(entries: Iterable[Entry], now: datetime) -> datetime | None:
    """Return the time of the newest complete backup that is not from the future; None where there is none."""
    times = (one.header.created for one in usable(entries) if one.header and not is_ahead(one.header.created, now))
    return next(times, None)


def is_older(found: Mark, seen: Mark | None, now: datetime) -> bool:
    """Return whether a newer backup was seen before than the one that is the newest now.

    What was seen under a clock that ran ahead does not count: it would lock the operator out until that day.
    """
    return seen is not None and not is_ahead(seen.created, now) and found.order < seen.order


def to_remember(seen: Mark | None, found: Mark, now: datetime, *, made: bool = False) -> Mark | None:
    """Return the mark to remember instead of the one that was seen; None when that stays.

    Args:
        seen: what is remembered.
        found: the newest backup now.
        now: this machine's time.
        made: this run took it just now: then it also replaces one from the future, which a clock that ran
            ahead left.
    """
    if is_ahead(found.created, now):
        return None
    if seen is None or found.order > seen.order or (made and is_ahead(seen.created, now)):
        return found
    return None


def older_than_seen(cluster: str, found: Mark, seen: Mark) -> str:
    """Return the warning for a newest backup that is older than one seen before."""
    return (
        f"the latest backup of {cluster} is {found.id[:8]} of {found.created:{TIME}}, but {seen.id[:8]} of"
        f" {seen.created:{TIME}} was seen before and is not in this repository: it was removed, it is in another one,"
        " or newer backups were replaced by older ones"
    )


def remarks(chosen: Entry, among: Iterable[Entry], cluster: str | None, now: datetime) -> Iterator[str]:
    """Yield what the operator should know who asked for ``latest`` of a cluster and gets this one."""
    header = chosen.header
    if header is None:
        return
    old = in_words((now - header.created).total_seconds())
    yield (
        f"latest: {chosen.name}, cluster {header.cluster}, of {header.created:{TIME}},"
        f" {'from the future: a clock is or was wrong' if is_ahead(header.created, now) else old}"
        f"{'' if header.complete else ', PARTIAL'}"
    )
    if cluster is not None and header.cluster != cluster:
        yield f"warning: there is no backup of cluster {cluster}; this one is of {header.cluster}"
    kind = of_kind(among, raft=header.is_raft)
    later = [one for one in once(kind) if one.header and one.header.created > header.created]
    newer = [one.name for one in later if one.header and not one.header.complete]
    if newer:
        yield f"warning: newer, but PARTIAL: {', '.join(newer[:5])}"
    saved = [one.name for one in later if one.header and one.header.complete]
    if saved:
        yield f"newer, taken before a restore: {', '.join(saved[:5])}"
