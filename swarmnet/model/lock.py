"""The lock of a cluster, as its holder describes itself. What other versions wrote is read tolerantly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, Field, StrictInt

from swarmnet.model.base import Document

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK_NAME = "swarmnet-lock"
"""Name of the swarm config, and of the file on managers before there is a swarm."""
HEARTBEAT = 10.0
"""Seconds between two heartbeats of the holder."""
STALE = 60.0
"""Seconds without a heartbeat after which a lock may be taken over."""
LAPSED = STALE / 2
"""Seconds without a heartbeat after which a holder no longer trusts its own lock: well before others take it."""
LAST_PID = 2**22
"""The greatest process id of Linux (``PID_MAX_LIMIT``)."""
SHOWN = 200
"""Characters of each word of a claim that are shown."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs this process, and how to find out whether another process of the same machine is alive."""

    user: str
    machine: str
    """Distinguishes machines with equal host names; processes with equal values see each other's ids."""
    pid: int
    is_alive: Callable[[int], bool]
    token: str
    """Random; identifies this run."""


class Claim(Document):
    """What the holder of a lock writes into it."""

    cluster: str
    command: str
    user: str
    machine: str
    pid: StrictInt
    since: AwareDatetime
    token: str

    @classmethod
    def of(cls, operator: Operator, *, cluster: str, command: str, since: datetime) -> Claim:
        """Return the claim of an operator's process."""
        return cls(
            cluster=cluster,
            command=command,
            user=operator.user,
            machine=operator.machine,
            pid=operator.pid,
            since=since,
            token=operator.token,
        )

    def is_dead(self, operator: Operator) -> bool:
        """Return whether the holder was a process of this machine that is gone: there is no need to wait for it.

        A number that no process can have proves nothing; such a lock is watched like one of another machine.
        """
        can_be = 0 < self.pid <= LAST_PID
        return can_be and self.machine == operator.machine and not operator.is_alive(self.pid)


class Pulse(StrEnum):
    """Whether the run that holds a lock is alive, as far as one look shows."""

    ALIVE = "alive"
    SILENT = "silent"
    """No heartbeat for longer than a live run takes between two; its clock may be wrong."""
    GONE = "gone"
    """It was a process of this machine that no longer exists."""


_OUTLOOK = {
    Pulse.ALIVE: "it may be changing the cluster now",
    Pulse.SILENT: "the next apply watches it for a moment, then removes it",
    Pulse.GONE: "that run is gone: the next apply removes it",
}


class Holder(Document):
    """A lock that was found."""

    place: str
    """Where it is: ``the swarm``, or a host's name."""
    claim: Claim | None
    """None if its content cannot be read."""
    identity: str
    """Stays the same as long as the same run holds the lock there."""
    version: str
    """Changes with every heartbeat."""
    age: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    """Seconds since the last heartbeat, as the place knows it; None if it does not."""

    def pulse(self, operator: Operator) -> Pulse:
        """Return whether the holder is alive, as this operator sees it."""
        if self.claim is not None and self.claim.is_dead(operator):
            return Pulse.GONE
        return Pulse.SILENT if self.age is None or self.age >= STALE else Pulse.ALIVE

    def outlook(self, operator: Operator) -> str:
        """Return the lock, and what becomes of it, as a sentence for commands that change nothing."""
        return f"locked in {self.place} by {self}; {_OUTLOOK[self.pulse(operator)]}"

    def __str__(self) -> str:
        ago = "" if self.age is None else f"{self.age:.0f} s ago"
        if self.claim is None:
            return f"an unreadable lock in {self.place}, last touched {ago or 'at an unknown time'}"
        claim = self.claim
        return (
            f"{_word(claim.user)} on {_word(claim.machine.partition('/')[0])} (process {_word(str(claim.pid))})"
            f" with '{_word(claim.command)}' since {_moment(claim.since)},"
            f" last heartbeat {ago or 'unknown'}"
        )


def _word(text: str) -> str:
    """Return what a holder wrote on one line and without terminal escapes."""
    plain = "".join(char if char.isprintable() else "?" for char in text[: SHOWN + 1])
    return plain if len(plain) <= SHOWN else plain[:SHOWN] + "..."


def _moment(since: datetime) -> str:
    try:
        return f"{since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError):  # a time at the edge of the calendar, in another zone
        return since.isoformat()
