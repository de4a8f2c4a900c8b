"""Connections that a kernel accepted for a program, and that the program did not take. Pure.

A kernel accepts connections by itself, also for a program that hangs: they wait in a queue until the program takes them
(``/proc/net/tcp`` shows its length), and stay there when the client is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.verify.ends import HOST_NETWORK
from swarmnet.verify.scenarios.own.processes import PROGRAMS, program_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.expectation import Door
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers

AFTER = PROGRAMS.on("after")
"""The look at the target's programs after connections were made."""
LATER = 2
"""Seconds until the next look: a program that runs takes connections at once."""


def waiting(answers: Answers, others: Iterable[End], doors: Iterable[Door]) -> Iterator[tuple[End, Door, int]]:
    """Yield each port at which connections wait after they were made, and how many; at the last look that there was."""
    ports = [door for door in doors if door.protocol == "tcp"]
    for end in others:
        before = program_of(answers, AFTER, end)
        if before is None or HOST_NETWORK in end.addresses:
            continue
        later = program_of(answers, AFTER.last(answers, end.host), end) or before
        for door in ports:
            here = min(before.waiting.get(door.port, 0), later.waiting.get(door.port, 0))
            if here and later.waiting[door.port] >= before.waiting[door.port]:
                yield end, door, here
