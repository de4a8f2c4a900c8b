"""Check: everything that a swarm sends between hosts arrives, by real packets of all pairs in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.verification import Cell, Matrix
from swarmnet.verify import claims
from swarmnet.verify.checks.doors import AGAIN, ENDED, HEARD, OPENED, THROWN, WATCH, Door, doors_of, is_tested
from swarmnet.verify.checks.host_check import HostCheck, is_inside
from swarmnet.verify.checks.ladder import Fate, Stage, fate
from swarmnet.verify.checks.lost import lost_between
from swarmnet.verify.checks.senders import strange_senders
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenario import Findings, ObserverTask, in_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.report import Verdict
    from swarmnet.verify.keys import Key
    from swarmnet.verify.patterns import Pair
    from swarmnet.verify.scenario import Answers, Question, Setup

NETWORK = "hosts"
"""What the matrix is of, where verify names a network."""
PATIENCE = 3.0
"""Seconds in which engines of a swarm send gossip by themselves: what they send needs no probing packet, which would be
an error in their logs."""


class Pairs(HostCheck):
    """2377 and 7946 by TCP, 7946 and the data path's port by UDP, and ESP."""

    name: ClassVar[str] = "pairs"
    summary: ClassVar[str] = "TCP, UDP and ESP of a swarm arrive between all hosts, in both directions"

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Let all hosts listen and send, ask what was heard; send what engines did not send by themselves."""
        hosts = setup.watched
        doors = doors_of(setup)
        return in_steps(
            answers,
            lambda: [ObserverTask(host, WATCH.name, _watch(setup, host, doors)) for host in hosts],
            lambda: [one for host in hosts for one in _send(setup, host, doors)],
            lambda: [ObserverTask(host, HEARD.name, _watched(setup, answers, host, THROWN)) for host in hosts],
            lambda: [one for host in hosts for one in _again(setup, answers, host, doors)],
            lambda: [ObserverTask(host, ENDED.name, _watched(setup, answers, host, AGAIN)) for host in hosts],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return the matrix, and one verdict for each group of pairs and ports that has one explanation."""
        doors = doors_of(setup)
        hosts = tuple(host.host for host in setup.observers)
        pairs = [(one, two) for one in hosts for two in hosts if one != two]
        if not pairs:
            skipped = self.verdict("hosts", Status.SKIPPED, "there is one host: nothing is between hosts")
            return Findings((skipped,))
        fates = {
            (pair, door): fate(setup, answers, pair, door)
            for pair in pairs
            for door in doors
            if is_tested(setup, pair, door)
        }
        strange = map(self.of_trouble, strange_senders(setup, answers))
        verdicts = [*lost_between(self.name, setup, answers, fates), *strange, *self._unknown(fates)]
        if not verdicts:
            words = ", ".join(door.name for door in doors)
            ways = f"{count(len(pairs), 'ordered pair')} of hosts: {words} arrive"
            verdicts = [self.verdict("hosts", Status.OK, ways)]
        return Findings(tuple(verdicts), (matrix_of(self.name, hosts, fates),))

    def _unknown(self, fates: dict[tuple[Pair, Door], Fate]) -> Iterator[Verdict]:
        pairs = sorted({pair for (pair, _door), one in fates.items() if one.stage is Stage.UNKNOWN})
        if pairs:
            ends = sorted({host for pair in pairs for host in pair})
            first = next(one for (pair, _), one in fates.items() if pair == pairs[0] and one.stage is Stage.UNKNOWN)
            detail = (
                f"{count(len(pairs), 'ordered pair was', 'ordered pairs were')} not measured:"
                f" {pairs[0][0]} -> {pairs[0][1]}: {first.detail}"
            )
            verdict = self.verdict(f"hosts {', '.join(ends)}", Status.INCONCLUSIVE, detail)
            needed = tuple(frozenset(map(claims.observer, pair)) for pair in pairs)
            yield verdict.model_copy(update={"needed": needed})


def _watch(setup: Setup, host: str, doors: tuple[Door, ...]) -> JsonObject:
    mine = [door for door in doors if not door.managers_only or host in _managers(setup)]
    tcp: list[JsonValue] = [door.port for door in mine if door.protocol == "tcp"]
    udp: list[JsonValue] = [door.port for door in mine if door.protocol == "udp"]
    return {"kind": "watch", "name": "pairs", "tcp": tcp, "udp": udp, "data": setup.data_path_port}


def _watched(setup: Setup, answers: Answers, host: str, key: Key[dict[str, JsonObject]]) -> JsonObject:
    """Return the question what came, which waits for what peers sent; the last one ends the watch."""
    sent: list[JsonValue] = [
        [door.kind, peer, door.address(setup, peer)]
        for peer in setup.watched
        for door in doors_of(setup)
        if outcomes(answers, peer, key)[0].get(door.to(host), {}).get("sent")
    ]
    return {"kind": "watched", "name": "pairs", "await": sent, **({"behind": True} if key is THROWN else {"end": True})}


def _managers(setup: Setup) -> frozenset[str]:
    return setup.planned.managers if setup.planned else frozenset()


def _send(setup: Setup, host: str, doors: tuple[Door, ...]) -> Iterator[Question]:
    opened: JsonObject = {}
    thrown: JsonObject = {}
    for door, peer, address in _targets(setup, host, doors):
        if door.protocol == "tcp":
            opened[door.to(peer)] = {"name": address, "port": door.port, "protocol": "tcp"}
        elif not (door.is_gossip and is_inside(setup, host) and is_inside(setup, peer)):
            thrown[door.to(peer)] = {"address": address, "protocol": door.protocol, "port": door.port or 0}
    if opened:
        yield ObserverTask(host, OPENED.name, {"kind": "open", "targets": opened})
    if thrown:
        yield ObserverTask(host, THROWN.name, _throw(setup, host, thrown))
    if is_inside(setup, host):
        yield ObserverTask(host, f"{HEARD.name}/rest", {"kind": "rest", "seconds": PATIENCE})


def _targets(setup: Setup, host: str, doors: tuple[Door, ...]) -> Iterator[tuple[Door, str, str]]:
    """Yield what a host tries at which peer, and the peer's address."""
    for peer in setup.watched:
        for door in doors if peer != host else ():
            address = door.address(setup, peer)
            if address and is_tested(setup, (host, peer), door):
                yield door, peer, address


def _throw(setup: Setup, host: str, targets: JsonObject) -> JsonObject:
    return {"kind": "throw", "from": host, "data": setup.data_path_port, "targets": targets}


def _again(setup: Setup, answers: Answers, host: str, doors: tuple[Door, ...]) -> Iterator[Question]:
    """Yield a packet of gossip for each peer that heard none of the engine's own, where both are in a swarm."""
    targets: JsonObject = {}
    gossip = tuple(door for door in doors if door.is_gossip and is_inside(setup, host))
    for door, peer, address in _targets(setup, host, gossip):
        if is_inside(setup, peer) and fate(setup, answers, (host, peer), door, key=HEARD).stage is not Stage.OPEN:
            targets[door.to(peer)] = {"address": address, "protocol": "udp", "port": door.port or 0}
    if targets:
        yield ObserverTask(host, AGAIN.name, _throw(setup, host, targets))


def matrix_of(name: str, hosts: tuple[str, ...], fates: dict[tuple[Pair, Door], Fate]) -> Matrix:
    """Return one cell for each ordered pair: the worst of its ports, and which are closed."""
    cells: dict[str, dict[str, Cell]] = {}
    for source in hosts:
        for target in hosts:
            mine = {door: one for (pair, door), one in fates.items() if pair == (source, target)}
            if mine:
                cells.setdefault(source, {})[target] = _cell(mine)
    return Matrix(scenario=name, network=NETWORK, hosts=hosts, cells=cells)


def _cell(fates: dict[Door, Fate]) -> Cell:
    lost = [door.name for door, one in fates.items() if one.is_lost]
    unknown = [door.name for door, one in fates.items() if one.stage is Stage.UNKNOWN]
    times = [one.milliseconds for one in fates.values() if one.milliseconds is not None]
    if lost:
        status, detail = Status.FAILED, f"{', '.join(lost)} closed"
    elif unknown:
        status, detail = Status.INCONCLUSIVE, f"{', '.join(unknown)} not measured"
    else:
        status, detail = Status.OK, ""
    return Cell(status=status, detail=detail, milliseconds=min(times, default=None))
