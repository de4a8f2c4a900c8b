"""Scenario: no line loses more datagrams than it may.

All other scenarios try again until something passes, so a line that loses a tenth looks well to them, and what needs
many packets fails on it. Here nothing is sent twice: each probe sends a few to every other one, and where one was lost
or had to be sent again before, many more. What the receiver heard tells the direction.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.model.verification import Cell, Level, Matrix
from swarmnet.verify import absence, claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import without_esp
from swarmnet.verify.keys import ICMP, TCP, UDP, outcomes
from swarmnet.verify.patterns import Shape, decompose
from swarmnet.verify.scenario import Answers, Findings, ProbeTask, Question, Scenario, Setup, Turn, in_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.network import Network
    from swarmnet.model.report import Claim
    from swarmnet.verify.patterns import Pair, Reach
    from swarmnet.verify.scenario import OverlayProbe

FEW, MANY = 20, 100
"""Datagrams to each peer at first, and on all lines of hosts where some were lost."""
RATE = 300
"""Datagrams that a host sends in a second at most, on all networks together; as many answers come back. Five hosts on
two processors lose half of 1,600 each, and none of it on the way."""
LEAST_SPACING = 0.01
"""Seconds between the rounds of a burst where a host has few lines."""
DEGRADED = 0.03
"""Share of lost datagrams from which a line is reported; single packets get lost on busy hosts."""
BROKEN = 0.3
"""Share from which it failed: TCP carries next to nothing then."""
FIX = (
    "look for errors and drops on the way: ip -s link and ethtool -S on the hosts' devices, firewall rules with a limit"
    " or statistic match, a full conntrack table (dmesg), limits of your provider"
)
BURST, HEARD = keys.targets("loss"), keys.heard("loss/heard")
SENT_AGAIN = 2
"""Tries of a datagram from which its line is measured closely."""


class Loss(Scenario):
    """A burst of datagrams between all ordered pairs, each counted where it leaves, where it arrives and back."""

    name: ClassVar[str] = "loss"
    summary: ClassVar[str] = "no line between two hosts loses more datagrams than it may, in either direction"
    level: ClassVar[Level] = Level.FULL
    turn: ClassVar[Turn] = Turn.QUIET

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Send a few everywhere; many on all lines of hosts where some were lost; then ask who heard how many."""
        return in_steps(
            answers,
            lambda: [
                one
                for probe in setup.ready
                for one in _bursts(
                    probe, FEW, {net.spec.name: peers_on(setup, answers, probe, net) for net in setup.networks}
                )
            ],
            lambda: _closer(setup, answers),
            lambda: (
                [ProbeTask(probe.host, HEARD.name, {"kind": "heard"}) for probe in setup.ready]
                if any(
                    BURST.on(net.spec.name).again.was_asked(answers, probe.host)
                    for probe in setup.ready
                    for net in setup.networks
                )
                else []
            ),
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict a cause, whatever networks it touches, one a network that loses little; and matrices.

        What loses packets on the way to a host takes them from all networks that share the way.
        """
        found = {net.spec.name: _rates(setup, answers, net.spec.name) for net in setup.networks}
        bad = {
            name: {pair: rate for pair, rate in rates.items() if rate >= DEGRADED} for name, (rates, _) in found.items()
        }
        tested = frozenset(pair for rates, _ in found.values() for pair in rates)
        reaches = decompose(frozenset(pair for lossy in bad.values() for pair in lossy), tested)
        verdicts = [self._lossy(answers, reach, bad) for reach in reaches]
        for name, (rates, silent) in found.items():
            verdicts += self._network(setup, name, rates, silent)
        matrices = tuple(_matrix(setup, name, rates, silent) for name, (rates, silent) in found.items())
        return Findings(tuple(verdicts), matrices)

    def _network(
        self, setup: Setup, name: str, rates: Mapping[Pair, float], silent: Mapping[Pair, str]
    ) -> list[Verdict]:
        """Return what is to be said of one network besides its bad lines."""
        if not rates and not silent:
            return [absence.untested(setup, self.name, f"network {name}", absence.TOO_FEW)]
        if silent:
            (source, target), why = min(silent.items())
            detail = f"loss was not measured on {count(len(silent), 'line')}: {source} -> {target}: {why}"
            verdict = self.verdict(f"network {name}", Status.INCONCLUSIVE, detail)
            needed = tuple(claims.exchange(setup, name, *pair) | _any_steady(setup, pair) for pair in sorted(silent))
            return [verdict.model_copy(update={"needed": needed})]
        worst = max(rates.values(), default=0.0)
        if worst >= DEGRADED:
            return []
        lines = len(setup.probes) * (len(setup.probes) - 1)
        measured = f"{len(rates)} lines" if len(rates) == lines else f"{len(rates)} of {lines} lines were measured and"
        detail = f"{measured} lose {'nothing' if not worst else f'at most {worst:.0%}'}"
        return [self.verdict(f"network {name}", Status.OK, detail)]

    def _lossy(self, answers: Answers, reach: Reach, bad: Mapping[str, Mapping[Pair, float]]) -> Verdict:
        here = {name: pairs for name, lossy in sorted(bad.items()) if (pairs := sorted(reach.pairs & lossy.keys()))}
        rates = [bad[name][pair] for name, pairs in here.items() for pair in pairs]
        worst, least = max(rates), min(rates)
        share = f"{worst:.0%}" if worst - least < DEGRADED else f"{least:.0%} to {worst:.0%}"
        stalled = any(_is_stalled(answers, pair, name) for name, pairs in here.items() for pair in pairs)
        evidence: dict[str, JsonValue] = {
            "cause": f"{CauseId.LOSS}-{reach.shape}",
            "hosts": [*reach.hosts],
            "networks": [*here],
            "pairs": [[*pair] for pair in sorted(reach.pairs)],
            "rate": round(worst, 3),
        }
        return Verdict(
            scenario=self.name,
            subject=subject(reach),
            status=Status.FAILED if worst >= BROKEN or stalled else Status.WARNING,
            detail=f"degraded: {share} of datagrams are lost {way(reach)} on {', '.join(here)}",
            fix=FIX,
            cause=CauseId.LOSS,
            evidence=evidence,
            broken=frozenset(claims.steady(name, *pair) for name, pairs in here.items() for pair in pairs),
        )


def peers_on(setup: Setup, answers: Answers, probe: OverlayProbe, network: Network) -> JsonObject:
    """Return the peers on a network; none that a kernel without ESP cannot reach."""
    name, incapable = network.spec.name, without_esp(answers) if network.spec.encrypted else frozenset[str]()
    return {
        other.host: other.addresses[name]
        for other in setup.ready
        if other.host != probe.host and name in other.addresses and not {other.host, probe.host} & incapable
    }


def _bursts(probe: OverlayProbe, count: int, targets: Mapping[str, JsonObject]) -> list[ProbeTask]:
    """Return the bursts of a host to its peers on each network, so slow together that they fill no queues."""
    apart = spacing(sum(len(peers) for peers in targets.values()))
    return [
        _burst(probe, BURST.on(name).name if count == FEW else BURST.on(name).again.name, peers, count, apart)
        for name, peers in targets.items()
        if peers or count == FEW
    ]


def spacing(lines: int) -> float:
    """Return the seconds between the rounds of a burst that a host sends on so many lines."""
    return round(max(LEAST_SPACING, lines / RATE), 3)


def _burst(probe: OverlayProbe, key: str, targets: JsonObject, count: int, apart: float) -> ProbeTask:
    """Return a burst; peers count what arrives under its key."""
    task: JsonObject = {"kind": "loss", "from": probe.host, "network": key, "targets": targets}
    return ProbeTask(probe.host, key, task | {"count": count, "spacing": apart})


def _closer(setup: Setup, answers: Answers) -> list[Question]:
    """Return the long bursts to the peers that are measured closely."""
    at = {
        net.spec.name: {host for pair in _lossy(setup, answers, net.spec.name) for host in pair}
        for net in setup.networks
    }

    def wanted(probe: OverlayProbe) -> dict[str, JsonObject]:
        return {net.spec.name: _doubtful(setup, answers, probe, net, at[net.spec.name]) for net in setup.networks}

    return [one for probe in setup.ready for one in _bursts(probe, MANY, wanted(probe))]


def _doubtful(
    setup: Setup, answers: Answers, probe: OverlayProbe, network: Network, hosts: AbstractSet[str]
) -> JsonObject:
    """Return the peers to measure closely: all of a host with a lossy line, and those that were asked again before.

    A line that loses a tenth answers all of a few datagrams one time in eight: the other lines of its ``hosts`` reveal
    it.
    """
    name = network.spec.name
    came = {peer for peer, one in outcomes(answers, probe.host, BURST.on(name))[0].items() if _whole(one, "came")}
    wanted = {peer for peer in came if hosts & {peer, probe.host} or sent_again(answers, name, (probe.host, peer))}
    return {peer: address for peer, address in peers_on(setup, answers, probe, network).items() if peer in wanted}


def sent_again(answers: Answers, name: str, pair: Pair) -> bool:
    """Return whether small packets passed from one host to another only after several tries."""
    tries = [outcomes(answers, pair[0], key.on(name))[0].get(pair[1], {}) for key in (ICMP, UDP)]
    return any(one.get("ok") and _whole(one, "tries") > SENT_AGAIN for one in tries)


def _lossy(setup: Setup, answers: Answers, name: str) -> set[Pair]:
    """Return the lines of which some answers did not come."""
    return {
        (probe.host, peer)
        for probe in setup.ready
        for peer, one in outcomes(answers, probe.host, BURST.on(name))[0].items()
        if 0 < _whole(one, "came") < _whole(one, "sent")
    }


def _rates(setup: Setup, answers: Answers, name: str) -> tuple[dict[Pair, float], dict[Pair, str]]:
    """Return the share that each direction loses, and why others were not measured."""
    rates: dict[Pair, float] = {}
    silent: dict[Pair, str] = {}
    network = next(net for net in setup.networks if net.spec.name == name)
    for probe in setup.ready:
        first, problem = outcomes(answers, probe.host, BURST.on(name))
        many, _ = outcomes(answers, probe.host, BURST.on(name).again)
        for peer in peers_on(setup, answers, probe, network):
            pair = (probe.host, peer)
            one = many.get(peer) or first.get(peer) or {}
            sent = _whole(one, "sent")
            if problem or not sent or not _whole(one, "came"):
                silent[pair] = problem or "no answer came at all"
            elif peer in many:
                arrived = _heard(answers, peer, BURST.on(name).again.name, probe.host)
                rates[pair] = 1 - min(sent, _whole(one, "came") if arrived is None else arrived) / sent
            else:
                rates[pair] = 0.0
    return rates, silent


def _heard(answers: Answers, host: str, label: str, source: str) -> int | None:
    log = HEARD.read(answers, host)
    return None if log is None else _whole(log.get(label, {}), source)


def _is_stalled(answers: Answers, pair: Pair, network: str) -> bool:
    """Return whether a transfer between the two failed."""
    for source, target in (pair, pair[::-1]):
        key = TCP.on(network)
        found = outcomes(answers, source, key)[0] | outcomes(answers, source, key.again)[0]
        if found.get(target, {}).get("ok") is False:
            return True
    return False


def _cell(source: OverlayProbe, target: OverlayProbe, rates: Mapping[Pair, float], silent: Mapping[Pair, str]) -> Cell:
    pair = (source.host, target.host)
    if pair not in rates:
        status = Status.SKIPPED if source.excused or target.excused else Status.INCONCLUSIVE
        return Cell(status=status, detail=source.problem or target.problem or silent.get(pair, "was not asked"))
    rate = rates[pair]
    status = Status.OK if rate < DEGRADED else Status.WARNING if rate < BROKEN else Status.FAILED
    return Cell(status=status, detail=f"{rate:.0%} lost", lost=round(rate, 4))


def _matrix(setup: Setup, name: str, rates: Mapping[Pair, float], silent: Mapping[Pair, str]) -> Matrix:
    cells = {
        source.host: {
            target.host: _cell(source, target, rates, silent) for target in setup.probes if target.host != source.host
        }
        for source in setup.probes
    }
    return Matrix(scenario=Loss.name, network=name, hosts=tuple(probe.host for probe in setup.probes), cells=cells)


def _any_steady(setup: Setup, pair: Pair) -> frozenset[Claim]:
    """Return the claims that networks carry packets between two hosts: one whose burst all got lost shares the way."""
    return frozenset().union(*(claims.both(partial(claims.steady, net.spec.name), *pair) for net in setup.networks))


def _whole(outcome: Mapping[str, JsonValue], key: str) -> int:
    value = outcome.get(key)
    return value if isinstance(value, int) else 0


def subject(reach: Reach) -> str:
    """Return what a cause on lost packets is about: a host, a way between two, or all hosts."""
    if len(reach.hosts) > 1:
        return f" {'->' if reach.shape is Shape.ONE_WAY else '<->'} ".join(reach.hosts)
    return f"host {reach.hosts[0]}" if reach.hosts else "hosts"


def way(reach: Reach) -> str:
    """Return where packets get lost, as part of a sentence."""
    first, last = (reach.hosts[0], reach.hosts[-1]) if reach.hosts else ("", "")
    return {
        Shape.ALL: "between all hosts",
        Shape.ISOLATED: f"to and from {first}",
        Shape.INBOUND: f"on the way to {first}",
        Shape.OUTBOUND: f"on the way from {first}",
        Shape.BETWEEN: f"between {first} and {last}, both ways,",
        Shape.ONE_WAY: f"from {first} to {last}",
    }[reach.shape]


def pairs_of(matrices: Iterable[Matrix]) -> tuple[Matrix, ...]:
    """Return the matrices of what passes and what does not, without those of what gets lost on the way."""
    return tuple(matrix for matrix in matrices if matrix.scenario != Loss.name)
