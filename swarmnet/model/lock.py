"""The lock of a cluster, as whoever holds it describes himself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import AwareDatetime

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
    pid: int
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


class Holder(Document):
    """A lock that was found."""

    place: str
    """Where it is: ``the swarm``, or a host's name."""
    claim: Claim | None
    """None when what is there cannot be read."""
    version: str
    """Changes with every sign of life."""
    age: float
    """Seconds since the last sign of life, as well as the place can tell."""

    def __str__(self) -> str:
        if self.claim is None:
            return f"an unreadable lock in {self.place}, last touched {self.age:.0f} s ago"
        claim = self.claim
        return (
            f"{claim.user} on {claim.machine.partition('/')[0]} (process {claim.pid}) with '{claim.command}'"
            f" since {claim.since:%Y-%m-%d %H:%M:%S} UTC, last sign of life {self.age:.0f} s ago"
        )
