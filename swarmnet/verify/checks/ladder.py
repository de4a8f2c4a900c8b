"""How far a packet came: out of its sender, over the way between, into its receiver, and its answer back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from swarmnet.verify.checks.doors import AGAIN, ENDED, OPENED, THROWN, Door
from swarmnet.verify.checks.host_check import is_inside
from swarmnet.verify.keys import outcomes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject
    from swarmnet.verify.keys import Key
    from swarmnet.verify.patterns import Pair
    from swarmnet.verify.scenario import Answers, Setup


class Stage(StrEnum):
    """Where a packet ended."""

    OPEN = "open"
    UNKNOWN = "unknown"
    OUT = "out"
    """At its sender: it did not leave the host."""
    BETWEEN = "between"
    IN = "in"
    """At its receiver: it came to the host's card, and no further."""
    REFUSED = "refused"
    """Something answered for the receiver that the port is closed."""


@dataclass(frozen=True, slots=True)
class Fate:
    """How far one kind of packet of one pair came."""

    stage: Stage
    lost: Pair = ("", "")
    """The direction in which something is lost: for an answer, the way back."""
    is_answer: bool = False
    detail: str = ""
    milliseconds: float | None = None

    @property
    def is_lost(self) -> bool:
        """Whether it did not arrive, or its answer did not."""
        return self.stage not in (Stage.OPEN, Stage.UNKNOWN)


def fate(setup: Setup, answers: Answers, pair: Pair, door: Door, key: Key[JsonObject] = ENDED) -> Fate:
    """Return how far the packets of a pair came, as both ends saw it."""
    source, target = pair
    for host in pair:
        if host not in setup.watched:
            why = next((one.problem for one in setup.observers if one.host == host), None)
            return Fate(Stage.UNKNOWN, pair, detail=f"{host}: {why or 'no container runs there'}")
        if not door.address(setup, host):
            return Fate(Stage.UNKNOWN, pair, detail=f"it is not known at which address {host} is reached")
        if key.problem(answers, host):
            return Fate(Stage.UNKNOWN, pair, detail=f"{host}: {key.problem(answers, host)}")
    sight = _Sight(setup, answers, door, key)
    return _of_stream(sight, source, target) if door.protocol == "tcp" else _of_datagram(sight, source, target)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What observers saw of one kind of packet."""

    setup: Setup
    answers: Answers
    door: Door
    key: Key[JsonObject]

    def crossed(self, host: str, way: str, kind: str, peer: str) -> bool:
        """Return whether a device of a host sent (``out``) or received (``in``) such packets to or from a peer."""
        return bool(self._row(host, "wire", f"{way}/{kind}").get(self.door.address(self.setup, peer)))

    def heard(self, host: str, peer: str) -> bool:
        """Return whether a host let in what a peer sent."""
        row = self._row(host, "heard", self.door.kind)
        return bool(row.get(peer) or row.get(self.door.address(self.setup, peer)))

    def is_taken(self, host: str) -> bool:
        """Return whether another program than an engine in a swarm has the port there."""
        found = (self.key.read(self.answers, host) or {}).get("taken")
        return isinstance(found, list) and self.door.port in found and not is_inside(self.setup, host)

    def sees_wire(self, host: str) -> bool:
        """Return whether the host's devices show anything at all: a capture that is blind proves nothing."""
        table = (self.key.read(self.answers, host) or {}).get("wire")
        return isinstance(table, dict) and bool(table)

    def _row(self, host: str, table: str, kind: str) -> Mapping[str, object]:
        found = (self.key.read(self.answers, host) or {}).get(table)
        row = found.get(kind) if isinstance(found, dict) else None
        return row if isinstance(row, dict) else {}


def _of_datagram(sight: _Sight, source: str, target: str) -> Fate:
    if sight.heard(target, source):
        return Fate(Stage.OPEN, (source, target))
    looks = [outcomes(sight.answers, source, key)[0].get(sight.door.to(target)) for key in (THROWN, AGAIN)]
    thrown = next((one for one in looks if one is not None), None)
    if thrown is None:
        return Fate(Stage.UNKNOWN, (source, target), detail=f"{source} sent nothing")
    kind = sight.door.kind
    if not thrown.get("sent"):
        return Fate(Stage.OUT, (source, target), detail=str(thrown.get("why")))
    return Fate(_stage(sight, source, target, kind), (source, target))


def _of_stream(sight: _Sight, source: str, target: str) -> Fate:
    opened = outcomes(sight.answers, source, OPENED)[0].get(sight.door.to(target))
    if opened is None:
        problem = OPENED.problem(sight.answers, source)
        return Fate(Stage.UNKNOWN, (source, target), detail=f"{source}: {problem or 'did not try'}")
    if opened.get("seen") == "open":
        taken = opened.get("ms")
        return Fate(Stage.OPEN, (source, target), milliseconds=float(taken) if isinstance(taken, int | float) else None)
    begun, answered = f"syn/{sight.door.port}", f"synack/{sight.door.port}"
    if opened.get("seen") == "refused" and sight.is_taken(target):
        return Fate(Stage.OPEN, (source, target))  # by the program that has the port there: the way is open
    if opened.get("seen") in ("refused", "unreachable"):
        return Fate(Stage.REFUSED, (source, target), detail=str(opened.get("why")))
    if sight.crossed(target, "out", answered, source):
        return Fate(_stage(sight, target, source, answered), (target, source), is_answer=True)
    return Fate(_stage(sight, source, target, begun), (source, target))


def _stage(sight: _Sight, source: str, target: str, kind: str) -> Stage:
    """Return where a packet ended that did not get past its receiver's firewall."""
    if sight.crossed(target, "in", kind, source):
        return Stage.IN
    if sight.sees_wire(source) and not sight.crossed(source, "out", kind, target):
        return Stage.OUT
    return Stage.BETWEEN
