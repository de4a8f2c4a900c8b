"""Which of two ways loses packets, by what their sender sent and got back, and what the other end counted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from swarmnet.verify.tracing.asking import namespace_of

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


def which_loses(answers: Answers, other: End, sent: Sent, times: tuple[str, str]) -> Loses:
    """Return which way loses packets: what arrived at the other end between two looks was answered, or lost there.

    It is known only where all of what got lost got lost on the same way, and the other end was looked at both times.
    """
    looks = [namespace_of(other, when).read(answers, other.host) if other.asks else None for when in times]
    lost = sent.sent - sent.answered
    if None in looks or lost <= 0:
        return Loses.UNKNOWN
    surplus = number(looks[1], "asked") - number(looks[0], "asked") - sent.answered
    if surplus <= lost * FEW:
        return Loses.THERE
    return Loses.BACK if surplus >= lost * (1 - FEW) else Loses.UNKNOWN


def number(value: object, key: str) -> int:
    """Return a count of an answer; 0 where it has none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, int) else 0
