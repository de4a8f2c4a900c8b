"""The lock of a cluster, as whoever holds it describes himself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, Field, StrictInt

from swarmnet.model.base import Document

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

LOCK_NAME = "swarmnet-lock"
"""Name of the swarm config, and of the file on managers before there is a swarm."""
HEARTBEAT = 10.0
"""Seconds between two signs of life of the holder."""
STALE = 60.0
"""Seconds without a sign of life after which a lock may be taken over."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs this process, and how to tell whether another process of the same machine still lives."""

    user: str
    machine: str
    """Tells machines apart whose host names are equal; processes with equal words see each other's ids."""
    pid: int
    is_alive: Callable[[int], bool]
    token: str
    """Random; tells this run from all others."""


class Claim(Document):
    """What the holder of a lock writes down."""

    cluster: str
    command: str
    user: str
    machine: str
    pid: Annotated[StrictInt, Field(gt=0, lt=2**31)]
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
        """Tell whether the holder was a process of this machine that is gone: no need to wait for it then."""
        return self.machine == operator.machine and not operator.is_alive(self.pid)


class Pulse(StrEnum):
    """Whether the run that holds a lock still lives, as far as one look tells."""

    ALIVE = "alive"
    SILENT = "silent"
    """No sign of life for longer than a living run leaves between two; its clock may be wrong."""
    GONE = "gone"
    """It was a process of this machine, and there is none."""


_OUTLOOK = {
    Pulse.ALIVE: "it may be changing the cluster now",
    Pulse.SILENT: "the next apply watches it for a moment, then takes it away",
    Pulse.GONE: "that run is gone: the next apply takes it away",
}


class Holder(Document):
    """A lock that was found."""

    place: str
    """Where it is: ``the swarm``, or a host's name."""
    claim: Claim | None
    """None when what is there cannot be read."""
    version: str
    """Changes with every sign of life."""
    age: Annotated[float, Field(ge=0, allow_inf_nan=True)]
    """Seconds since the last sign of life, as well as the place can tell; infinity where it cannot."""

    def pulse(self, operator: Operator) -> Pulse:
        """Return whether the holder lives, as this operator sees it."""
        if self.claim is not None and self.claim.is_dead(operator):
            return Pulse.GONE
        return Pulse.SILENT if self.age >= STALE else Pulse.ALIVE

    def outlook(self, operator: Operator) -> str:
        """Return the lock, and what becomes of it, as a sentence for those who change nothing now."""
        return f"locked in {self.place} by {self}; {_OUTLOOK[self.pulse(operator)]}"

    def __str__(self) -> str:
        if self.claim is None:
            return f"an unreadable lock in {self.place}, last touched {self.age:.0f} s ago"
        claim = self.claim
        return (
            f"{claim.user} on {claim.machine.partition('/')[0]} (process {claim.pid}) with '{claim.command}'"
            f" since {claim.since:%Y-%m-%d %H:%M:%S} UTC, last sign of life {self.age:.0f} s ago"
        )
