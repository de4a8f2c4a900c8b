"""The JSON document of a cluster's locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from swarmnet.report.documents.base import Entry, Output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.lock import Claim, Holder, Operator


class ClaimEntry(Entry):
    """Who holds a lock."""

    cluster: str
    command: str
    user: str
    machine: str
    pid: int
    since: str = Field(description="ISO 8601.")


class LockEntry(Entry):
    """One lock."""

    place: str = Field(description="Where it lies: the swarm, or a host.")
    age: float | None = Field(description="Seconds since the last heartbeat.")
    pulse: Literal["alive", "silent", "gone"]
    holder: ClaimEntry | None = Field(description="Null for a lock that cannot be read.")


class LocksDocument(Output):
    """What ``lock status --json`` and ``lock break --json`` print."""

    cluster: str
    locks: list[LockEntry]


def lock_entries(holders: Iterable[Holder], operator: Operator) -> list[LockEntry]:
    """Return locks for programs, without the token by which a run knows its own."""
    return [
        LockEntry(
            place=holder.place,
            age=None if holder.age is None else round(holder.age, 1),
            pulse=holder.pulse(operator).value,
            holder=None if holder.claim is None else _claim(holder.claim),
        )
        for holder in holders
    ]


def locks_document(cluster: str, holders: Iterable[Holder], operator: Operator) -> LocksDocument:
    """Return the locks of a cluster."""
    return LocksDocument(schema_=1, cluster=cluster, locks=lock_entries(holders, operator))


def _claim(claim: Claim) -> ClaimEntry:
    return ClaimEntry(
        cluster=claim.cluster,
        command=claim.command,
        user=claim.user,
        machine=claim.machine,
        pid=claim.pid,
        since=claim.since.isoformat().replace("+00:00", "Z"),
    )
