"""Datagrams that no program answers: seen where they arrive, inside the network namespace that they were sent to. Pure.

UDP has no handshake, and few programs answer what they do not understand. So each asker sends a marker of its own, and
a helper inside each container that should get it counts the packets with that marker, whatever becomes of them there.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from swarmnet.verify import keys
from swarmnet.verify.scenario import InsideTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.base import JsonObject
    from swarmnet.verify.ends import End
    from swarmnet.verify.keys import Key
    from swarmnet.verify.scenario import Answers
    from swarmnet.verify.scenario import InsideTask as Question

SECONDS = 90.0
"""After which a count ends by itself."""
EVERY_DEVICE = "*"
"""What the probe takes for all devices of a network namespace."""


def marker(run: str, *words: str) -> str:
    """Return 32 hex digits that only this run sends, and only for these words: who asks, and for what."""
    return hashlib.sha256("\0".join((run, *words)).encode()).hexdigest()[:32]


def _keys(end: End, what: str) -> tuple[Key[JsonObject], Key[JsonObject]]:
    """Return the keys of a count's begin and end."""
    found = keys.value(f"arrivals/{end.name}/{what}")
    return found, found.on("counted")


def begin(end: End, what: str, markers: Iterable[str]) -> list[Question]:
    """Return the question that begins to count packets with these markers inside a container."""
    needles: JsonObject = {one: one for one in markers}
    if not end.watches or end.problem is not None or not needles:
        return []
    task: JsonObject = {
        "kind": "capture",
        "name": what,
        "devices": [EVERY_DEVICE],
        "port": 0,
        "needles": needles,
        "seconds": SECONDS,
    }
    return [InsideTask(end.host, _keys(end, what)[0].name, task, end.name)]


def collect(end: End, what: str, answers: Answers, awaited: Iterable[str] = ()) -> list[Question]:
    """Return the question that ends a count which began; it waits for markers that get here, if they get anywhere."""
    began, counted = _keys(end, what)
    if began.read(answers, end.host) is None or began.problem(answers, end.host):
        return []
    task: JsonObject = {"kind": "collect", "name": what, "await": [*awaited]}
    return [InsideTask(end.host, counted.name, task, end.name)]


def arrived(answers: Answers, ends: Iterable[End], what: str, word: str) -> bool | None:
    """Return whether a packet with a marker got into any of these containers; None where that is not known of all."""
    found = [_count(answers, end, what) for end in ends]
    if any(one is not None and isinstance(one.get(word), int) for one in found):
        return True
    return None if not found or None in found else False


def _count(answers: Answers, end: End, what: str) -> Mapping[str, object] | None:
    """Return how many packets with each marker came; None where the count is not complete."""
    key = _keys(end, what)[1]
    counted = key.read(answers, end.host)
    if counted is None or key.problem(answers, end.host):
        return None
    received = counted.get("received")
    clear = received.get("clear") if isinstance(received, dict) else None
    if not isinstance(clear, dict):
        return None
    return clear if clear or counted.get("complete") else None
