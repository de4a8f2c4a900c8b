"""Scenario: the engines' gossip gets from every host to every other by UDP, too.

Where UDP 7946 is lost in one direction, engines fall back to TCP and to other hosts: everything works, but names arrive
late and nodes flap under load. Only the wire shows it. Engines send each other a heartbeat once a second, in turn
(memberlist's ``ProbeInterval``), and answer those of others: what one host sends for some seconds must arrive at the
other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.model.verification import Level
from swarmnet.verify import claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.patterns import Shape, decompose
from swarmnet.verify.scenario import PAIR, Answers, Findings, ObserverTask, Question, Scenario, Setup, Turn, in_steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.report import Claim
    from swarmnet.verify.patterns import Pair, Reach

PORT = 7946
MOST = 5
"""Nodes of a swarm up to which all have spoken to all within some seconds; of more it takes too long to wait for."""
BEGUN, RESTED, COLLECTED = (keys.value(f"gossip/{step}") for step in ("capture", "rest", "collect"))
SENT = 3
"""Packets that must have left before their absence at the other end says something."""


class Gossip(Scenario):
    """Each observer counts the engines' datagrams that leave and come, while nothing else is asked."""

    name: ClassVar[str] = "gossip"
    summary: ClassVar[str] = "the engines' gossip by UDP gets from every host to every other"
    level: ClassVar[Level] = Level.FULL
    needs_observer: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False
    turn: ClassVar[Turn] = Turn.QUIET

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Begin to count, wait until each engine had its turn, end."""
        hosts = setup.watched
        if not PAIR <= len(setup.state.nodes) <= MOST or len(hosts) < PAIR:
            return ()
        peers: list[JsonValue] = [*_addresses(setup, hosts).values()]
        capture: JsonObject = {"kind": "capture", "name": "gossip", "peers": peers, "port": PORT, "needles": {}}
        rest: JsonObject = {"kind": "rest", "seconds": patience(setup)}
        return in_steps(
            answers,
            lambda: [ObserverTask(host, BEGUN.name, {**capture, "seconds": 4 * patience(setup)}) for host in hosts],
            lambda: [ObserverTask(host, RESTED.name, rest) for host in hosts],
            lambda: [ObserverTask(host, COLLECTED.name, {"kind": "collect", "name": "gossip"}) for host in hosts],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict where all arrives, else one a cause; skipped where it was not listened to."""
        known = _addresses(setup, setup.watched)
        sent = {host: _counted(answers, host, "sent") for host in known}
        came = {host: _counted(answers, host, "received") for host in known}
        seen = {
            (source, target): (left.get(str(known[target]), 0), arrived.get(str(known[source]), 0))
            for source, left in sent.items()
            for target, arrived in came.items()
            if source != target and left is not None and arrived is not None
        }
        tested = frozenset(pair for pair, (left, _) in seen.items() if left >= SENT)
        lost = frozenset(pair for pair in tested if not seen[pair][1])
        if lost:
            return Findings(tuple(self._lost(reach, seen) for reach in decompose(lost, tested)))
        if not tested:
            why = f"gossip was not measured (only in swarms of {PAIR} to {MOST} nodes)"
            return Findings((Verdict(scenario=self.name, subject="hosts", status=Status.SKIPPED, detail=why),))
        detail = f"UDP {PORT} of {count(len(tested), 'ordered pair')} of hosts arrives"
        return Findings((Verdict(scenario=self.name, subject="hosts", status=Status.OK, detail=detail),))

    def _lost(self, reach: Reach, seen: dict[Pair, tuple[int, int]]) -> Verdict:
        left = sum(seen[pair][0] for pair in reach.pairs)
        first, last = (reach.hosts[0], reach.hosts[-1]) if reach.hosts else ("", "")
        way = {
            Shape.ALL: "between all hosts",
            Shape.ISOLATED: f"to and from {first}",
            Shape.INBOUND: f"from all hosts to {first}",
            Shape.OUTBOUND: f"from {first} to all hosts",
            Shape.BETWEEN: f"between {first} and {last}, both ways",
            Shape.ONE_WAY: f"from {first} to {last}",
        }[reach.shape]
        broken = {place for pair in reach.pairs for place in claims.both(claims.learned, *pair)}
        broken |= {claims.passage("gossip", *one) for pair in reach.pairs for one in (pair, pair[::-1])}
        return Verdict(
            scenario=self.name,
            subject=f"{first} -> {last}" if reach.shape is Shape.ONE_WAY else f"host {first}" if first else "hosts",
            status=Status.FAILED,
            detail=f"UDP {PORT} is lost {way}: {count(left, 'packet')} of the engines left and none arrived;"
            " engines fall back"
            " to TCP, so names arrive late and nodes flap",
            fix=f"allow UDP {PORT} {way} in host firewalls and security groups, in both directions",
            cause=CauseId.GOSSIP_UDP,
            evidence={
                "cause": f"{CauseId.GOSSIP_UDP}-{reach.shape}",
                "pairs": [[*pair] for pair in sorted(reach.pairs)],
            },
            broken=frozenset(broken),
            needed=tuple(_needed(pair) for pair in sorted(reach.pairs)),
        )


def _needed(pair: Pair) -> frozenset[Claim]:
    """Return what explains lost gossip: a dead node, an address that none reaches, or both protocols lost alike."""
    ways = {claims.passage(f"udp/{PORT}", *pair), claims.port(PORT, *pair)}
    return frozenset(ways.union(*({claims.node(host), claims.advertised(host)} for host in pair)))


def _addresses(setup: Setup, hosts: Iterable[str]) -> dict[str, str]:
    """Return the addresses by which these hosts' nodes are known."""
    wanted = {*hosts}
    return {one.host: one.known_by for one in setup.observers if one.host in wanted}


def patience(setup: Setup) -> float:
    """Return the seconds in which each engine has pinged each other twice."""
    return 2.0 * (len(setup.state.nodes) - 1) + 1.0


def _counted(answers: Answers, host: str, direction: str) -> dict[str, int] | None:
    """Return how many packets of gossip went to, or came from, each address; None where that was not counted."""
    counts = COLLECTED.read(answers, host)
    side = counts.get(direction) if counts is not None else None
    table = side.get("vxlan") if isinstance(side, dict) else None
    if not isinstance(table, dict):
        return None
    return {
        peer: sum(n for n in row.values() if isinstance(n, int)) for peer, row in table.items() if isinstance(row, dict)
    }
