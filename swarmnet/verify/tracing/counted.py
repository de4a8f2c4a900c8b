"""Which of two ways loses packets, by what their sender sent and got back, and what the other end counted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from swarmnet.verify.keys import outcomes
from swarmnet.verify.tracing.asking import bursts_of, echoes_of, namespace_of

if TYPE_CHECKING:
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers

FEW = 0.2
"""Share of echoes that may be others', or lost on a busy host, when both ends' counts are compared."""


class Loses(Enum):
    """The way on which packets get lost."""

    THERE = "there"
    BACK = "back"
    UNKNOWN = "unknown"
    """Both ways, or one of them."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The echoes that all askers together sent to one container."""

    sent: int
    answered: int

    @property
    def lost(self) -> int:
        """How many were not answered."""
        return self.sent - self.answered


def which_loses(answers: Answers, other: End, sent: Sent, times: tuple[str, str]) -> Loses:
    """Return which way loses packets: what arrived at the other end between two looks was answered, or lost there.

    It is known only where all of what got lost got lost on the same way, and the other end was looked at both times.
    """
    arrived = arrivals(answers, other, times)
    if arrived is None or sent.lost <= 0:
        return Loses.UNKNOWN
    surplus = arrived - sent.answered
    if surplus <= sent.lost * FEW:
        return Loses.THERE
    return Loses.BACK if surplus >= sent.lost * (1 - FEW) else Loses.UNKNOWN


def arrivals(answers: Answers, other: End, times: tuple[str, str]) -> int | None:
    """Return how many echoes came to a container between two looks; None where it was not looked at both times."""
    looks = [namespace_of(other, when).read(answers, other.host) if other.asks else None for when in times]
    return None if None in looks else number(looks[1], "asked") - number(looks[0], "asked")


def echoes_to(answers: Answers, other: End, asking: tuple[End, ...]) -> Sent:
    """Return how many echoes all askers sent to the addresses of one container, and how many of them were answered."""
    sent = came_back = 0
    for end in asking:
        for address in other.addresses.values():
            echo, burst = (outcomes(answers, end.host, key(end))[0].get(address) for key in (echoes_of, bursts_of))
            tries = number(echo, "tries")
            sent += tries + number(burst, "tries")
            came_back += (tries if echo is not None and echo.get("ok") is True else 0) + number(burst, "answered")
    return Sent(sent, came_back)


def number(value: object, key: str) -> int:
    """Return a count of an answer; 0 where it has none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, int) else 0
