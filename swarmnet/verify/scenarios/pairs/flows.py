"""Scenario: every flow between two hosts passes, whatever its ports: no path of several is broken.

Where switches have several paths (ECMP, LAG), each flow stays on one of them. One that is broken loses all of a fixed
part of the flows, and nothing of the others: some connections hang, and the next try from another port works. So each
probe sends from many ports, each again until it is answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.model.verification import Level
from swarmnet.verify import claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.patterns import Shape, decompose
from swarmnet.verify.scenario import Answers, Findings, ProbeTask, Question, Scenario, Setup, Turn
from swarmnet.verify.scenarios.pairs.loss import peers_on

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.verify.patterns import Pair, Reach

SWEEP = keys.targets("flows")
COUNT = 64
"""Source ports: of two paths, the chance that none of them takes the broken one is nil."""
FEWEST = 4
"""Lost flows that count: a lossy line loses single ones."""
STEADY = 0.7
"""Share of the flows that pass at all which pass at the first try; on a line that loses packets at random, fewer do."""


class Flows(Scenario):
    """Datagrams from 64 ports to each peer, on the first network alone: all networks take the same paths."""

    name: ClassVar[str] = "flows"
    summary: ClassVar[str] = "every flow between two hosts passes, from whatever port: no path of several is broken"
    turn: ClassVar[Turn] = Turn.QUIET
    level: ClassVar[Level] = Level.FULL

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Send from every probe to every other one."""
        found = []
        for net in setup.networks[:1]:
            for probe in setup.ready:
                targets = peers_on(setup, answers, probe, net)
                task: JsonObject = {"kind": "flows", "from": probe.host, "network": SWEEP.name, "count": COUNT}
                if targets:
                    found.append(ProbeTask(probe.host, SWEEP.name, {**task, "targets": targets}))
        return tuple(found)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict where all flows pass, else one a cause; pairs that nothing passes are others' business."""
        seen = {
            (probe.host, peer): one
            for probe in setup.ready
            for peer, one in outcomes(answers, probe.host, SWEEP)[0].items()
        }
        tested = frozenset(pair for pair, one in seen.items() if _is_measured(one))
        bad = frozenset(pair for pair in tested if _is_broken(seen[pair]))
        if bad:
            return Findings(tuple(self._lost(setup, reach, seen) for reach in decompose(bad, tested)))
        if not tested:
            return Findings()
        detail = f"{COUNT} flows of each of {count(len(tested), 'ordered pair')} of hosts pass"
        return Findings((self.verdict("hosts", Status.OK, detail),))

    def _lost(self, setup: Setup, reach: Reach, seen: dict[Pair, JsonObject]) -> Verdict:
        lost = max(_number(seen[pair], "lost") for pair in reach.pairs)
        names = [net.spec.name for net in setup.networks]
        pairs = sorted(reach.pairs)
        broken = {place for pair in pairs for place in claims.both(claims.flows, *pair)}
        for name in names:
            for one, other in pairs:
                broken |= {claims.overlay(name, one, other), claims.overlay(name, other, one)}
                broken |= {claims.steady(name, one, other), claims.steady(name, other, one)}
        return Verdict(
            scenario=self.name,
            subject=f"host {reach.hosts[0]}" if len(reach.hosts) == 1 else " -> ".join(reach.hosts) or "hosts",
            status=Status.FAILED,
            detail=f"{lost} of {COUNT} flows never pass {_way(reach)}, and the others always do: one of several paths"
            " between them is broken",
            fix="look for a broken member of a bond, LAG or ECMP group at the switches between these hosts; which flows"
            f" are lost depends on the source port of UDP {setup.data_path_port}",
            cause=CauseId.FLOWS_LOST,
            evidence={"cause": f"{CauseId.FLOWS_LOST}-{reach.shape}", "pairs": [[*pair] for pair in pairs]},
            broken=frozenset(broken),
        )


def _is_measured(one: JsonObject) -> bool:
    """Return whether some flow passes, and the others are lost, not late on a busy host."""
    return _number(one, "lost") < _number(one, "flows") and one.get("proved") is not False


def _is_broken(one: JsonObject) -> bool:
    """Return whether a fixed part of the flows is lost: some never pass, and the others do at once."""
    flows, lost, first = (_number(one, what) for what in ("flows", "lost", "first"))
    return lost >= FEWEST and first >= STEADY * (flows - lost)


def _number(one: JsonObject, key: str) -> int:
    value = one.get(key)
    return value if isinstance(value, int) else 0


def _way(reach: Reach) -> str:
    first, last = (reach.hosts[0], reach.hosts[-1]) if reach.hosts else ("", "")
    if reach.shape is Shape.ALL:
        return "between any two hosts"
    return f"between {first} and {last}" if first != last else f"between {first} and all others"
