"""Scenario: hosts open the ports of each other that engines need: 2377 of managers, and 7946 by TCP.

A host that does not reach the managers gets no orders, and its node goes down; one whose gossip passes by UDP alone
learns names and addresses late or never. Where nothing at all gets from one host to another, not even an echo, the
address by which the node is known is not one that others can use, or the line is cut.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import absence, claims, keys
from swarmnet.verify.captures import peers_among
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.patterns import Shape, decompose
from swarmnet.verify.scenario import PAIR, Answers, Findings, ObserverTask, Question, Scenario, Setup, in_steps
from swarmnet.verify.scenarios.hosts.crossings import GOSSIP, ORDERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Claim
    from swarmnet.verify.patterns import Pair, Reach

OPENED, ECHOED = keys.targets("ports"), keys.targets("ports/echo")
LIMIT = 2.0
"""Seconds for an echo."""
LOST = ("silent", "unreachable")


@dataclass(frozen=True, slots=True)
class Door:
    """One port of one host that others must be able to open."""

    host: str
    address: str
    port: int
    """Where it is: managers may listen elsewhere than at 2377."""
    usual: int

    @property
    def label(self) -> str:
        """What an outcome is listed under."""
        return f"{self.host}/{self.usual}"


class Ports(Scenario):
    """One connection from each observer to each port; nothing is sent."""

    name: ClassVar[str] = "ports"
    summary: ClassVar[str] = "hosts open the swarm's TCP ports of each other: 2377 of managers, 7946 of all"
    needs_observer: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Open every port; where one stays silent, ask for an echo."""
        return in_steps(
            answers,
            lambda: [
                ObserverTask(host, OPENED.name, {"kind": "open", "targets": targets})
                for host in setup.watched
                if (targets := _targets(setup, host))
            ],
            lambda: [
                ObserverTask(host, ECHOED.name, {"kind": "icmp", "targets": targets, "limit": LIMIT})
                for host in setup.watched
                if (targets := _doubtful(setup, answers, host))
            ],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict where all opens, else one a cause and host or pair."""
        lost, tested = _lost(setup, answers)
        every = frozenset(pair for pairs in tested.values() for pair in pairs)
        cut = frozenset(
            pair
            for pair in every
            if _is_deaf(answers, pair) and all(pair in lost[port] for port, pairs in tested.items() if pair in pairs)
        )
        found = [self._cut(setup, reach) for reach in decompose(cut, every)]
        for port in (ORDERS, GOSSIP):
            found += [self._shut(port, reach) for reach in decompose(lost[port] - cut, tested[port])]
        if not every and len(setup.watched) < PAIR:
            found = [absence.untested(setup, self.name, "hosts", "fewer than two hosts have an observer")]
        elif not every:
            found = [self.verdict("hosts", Status.INCONCLUSIVE, "no observer could open a port")]
        elif not found:
            detail = (
                f"{ORDERS} of the managers and {GOSSIP} of all hosts open between {count(len(setup.watched), 'host')}"
            )
            found = [self.verdict("hosts", Status.OK, detail)]
        return Findings(tuple(found))

    def _cut(self, setup: Setup, reach: Reach) -> Verdict:
        odd = reach.hosts[0] if len(reach.hosts) == 1 else ""
        address = next((one.known_by for one in setup.observers if one.host == odd), "")
        if odd:
            what = f"nothing gets from other hosts to {address}, the address that {odd} is known by"
            fix = (
                f"if other hosts have no way to {address}, let {odd} join again with an --advertise-addr that they"
                " reach (advertise: in the inventory); else look for a cable, a route or a firewall there"
            )
        else:
            ends = f"{reach.hosts[0]} and {reach.hosts[-1]}" if reach.hosts else "any two hosts"
            what = f"nothing passes between {ends}"
            fix = (
                "look for a cable, a route or a firewall between them, and on both for a fixed hardware address that"
                " the other does not have (PERMANENT in ip neigh show)"
            )
        pairs = sorted(reach.pairs)
        broken = {place for pair in pairs for place in everything(*pair)}
        return _verdict(
            self.name,
            (CauseId.ADDRESS_UNREACHED, reach),
            f"{what}: neither TCP {GOSSIP} nor an echo ({count(len(pairs), 'pair')})",
            fix,
            (broken | ({claims.advertised(odd)} if odd else set()), _needed(reach)),
        )

    def _shut(self, port: int, reach: Reach) -> Verdict:
        way = _way(reach)
        broken = {claims.port(port, *pair) for pair in reach.pairs}
        if port == ORDERS:
            cause = CauseId.ORDERS_BLOCKED
            detail = f"TCP {port} does not open {way}: hosts that do not reach a manager get no orders from it"
            broken |= {claims.passage("answers", *pair) for pair in reach.pairs}
        else:
            cause = CauseId.GOSSIP_TCP
            detail = f"TCP {port} does not open {way}: engines learn names and addresses late or never"
            for pair in reach.pairs:
                broken |= claims.both(claims.learned, *pair)
                broken |= claims.both(lambda one, other: claims.passage("gossip", one, other), *pair)
        fix = f"allow TCP {port} {way} in host firewalls and security groups" + " (and UDP, too)" * (port == GOSSIP)
        return _verdict(self.name, (cause, reach), detail, fix, (broken, _needed(reach, port)))


def _verdict(
    scenario: str,
    what: tuple[CauseId, Reach],
    detail: str,
    fix: str,
    places: tuple[set[Claim], tuple[frozenset[Claim], ...]],
) -> Verdict:
    cause, reach = what
    broken, needed = places
    first, last = (reach.hosts[0], reach.hosts[-1]) if reach.hosts else ("", "")
    return Verdict(
        scenario=scenario,
        subject=f"{first} -> {last}" if first != last else f"host {first}" if first else "hosts",
        status=Status.FAILED,
        detail=detail,
        fix=fix,
        cause=cause,
        evidence={"cause": f"{cause}-{reach.shape}", "pairs": [[*pair] for pair in sorted(reach.pairs)]},
        broken=frozenset(broken),
        needed=needed,
    )


def _wanted(setup: Setup, host: str) -> list[Door]:
    """Return the ports that a host must be able to open: those of its peers, and of every manager."""
    known = {one.host: one.known_by for one in setup.observers if _is_ipv4(one.known_by)}
    doors = [Door(peer, known[peer], GOSSIP, GOSSIP) for peer in peers_among(setup.watched, host) if peer in known]
    for peer in setup.watched:
        node = setup.state.node_of(peer)
        address, _, port = (node.manager_address or "").rpartition(":") if node else ("", "", "")
        if peer != host and _is_ipv4(address) and port.isdigit():
            doors.append(Door(peer, address, int(port), ORDERS))
    return doors


def _targets(setup: Setup, host: str) -> JsonObject:
    return {one.label: {"name": one.address, "port": one.port, "protocol": "tcp"} for one in _wanted(setup, host)}


def _doubtful(setup: Setup, answers: Answers, host: str) -> JsonObject:
    """Return the addresses of hosts of which a port did not open."""
    found, _ = outcomes(answers, host, OPENED)
    known = {one.host: one.known_by for one in setup.observers}
    shut = {label.rpartition("/")[0] for label, one in found.items() if one.get("seen") in LOST}
    return {peer: known[peer] for peer in sorted(shut) if peer in known}


def _lost(setup: Setup, answers: Answers) -> tuple[dict[int, frozenset[Pair]], dict[int, frozenset[Pair]]]:
    """Return by port the pairs between which it did not open, and those that were tested.

    A port that refuses one host and opens to another is blocked; one that refuses all has no engine behind it, which is
    no fault of what is between.
    """
    seen: dict[Door, dict[str, str]] = defaultdict(dict)
    for host in setup.watched:
        found, _ = outcomes(answers, host, OPENED)
        for door in _wanted(setup, host):
            if word := str(found.get(door.label, {}).get("seen") or ""):
                seen[door][host] = word
    lost: dict[int, set[Pair]] = defaultdict(set)
    tested: dict[int, set[Pair]] = defaultdict(set)
    for door, words in seen.items():
        bad = (*LOST, "refused") if "open" in words.values() else LOST
        tested[door.usual] |= {(host, door.host) for host in words}
        lost[door.usual] |= {(host, door.host) for host, word in words.items() if word in bad}
    ports = (ORDERS, GOSSIP)
    return {port: frozenset(lost[port]) for port in ports}, {port: frozenset(tested[port]) for port in ports}


def _is_deaf(answers: Answers, pair: Pair) -> bool:
    """Return whether an echo was asked for between the two, and did not come."""
    return outcomes(answers, pair[0], ECHOED)[0].get(pair[1], {}).get("ok") is False


def everything(source: str, target: str) -> Iterable[Claim]:
    """Yield all that cannot pass where nothing does."""
    for one, other in ((source, target), (target, source)):
        yield from (claims.vxlan(one, other), claims.esp(one, other), claims.path(one, other))
        yield from (claims.learned(one, other), claims.port(GOSSIP, one, other), claims.port(ORDERS, one, other))
        yield from (claims.passage(carrier, one, other) for carrier in ("answers", "gossip", "vxlan", "esp"))
        yield from (claims.door(one, other, protocol) for protocol in ("tcp", "udp"))


def _needed(reach: Reach, port: int | None = None) -> tuple[frozenset[Claim], ...]:
    """Return what each pair needed that others may have proved broken."""
    found = []
    for pair in sorted(reach.pairs):
        ends = {*(claims.advertised(host) for host in pair), *claims.both(claims.sends, *pair)}
        found.append(frozenset(ends | ({claims.passage(f"tcp/{port}", *pair)} if port else set())))
    return tuple(found)


def _way(reach: Reach) -> str:
    first, last = (reach.hosts[0], reach.hosts[-1]) if reach.hosts else ("", "")
    return {
        Shape.ALL: "between any two hosts",
        Shape.ISOLATED: f"to and from {first}",
        Shape.INBOUND: f"from all hosts to {first}",
        Shape.OUTBOUND: f"from {first} to all hosts",
        Shape.BETWEEN: f"between {first} and {last}",
        Shape.ONE_WAY: f"from {first} to {last}",
    }[reach.shape]


def _is_ipv4(text: str) -> bool:
    try:
        return bool(IPv4Address(text))
    except ValueError:
        return False
