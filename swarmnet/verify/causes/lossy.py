"""Transfers that fail on lines that lose packets of all sizes, so that nothing may be said of sizes there. Pure.

What was measured decides (scenario ``loss``); where it was not, that datagrams had to be sent again and again does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Certainty, Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId, Group
from swarmnet.verify.patterns import decompose
from swarmnet.verify.scenarios.pairs.loss import DEGRADED, FIX, Loss, sent_again, subject, way
from swarmnet.verify.scenarios.sizes.overlay import large_packets, steadily

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.report import Claim
    from swarmnet.model.verification import Matrix
    from swarmnet.verify.causes.failed_pairs import Evidence
    from swarmnet.verify.patterns import Pair, Reach
    from swarmnet.verify.scenario import Answers


def starved(answers: Answers, name: str, matrices: Iterable[Matrix], evidence: Evidence) -> frozenset[Pair]:
    """Return the pairs of a network that small packets pass, or some protocol, and that lose packets in a direction."""
    hurt = evidence.stalled | evidence.partial
    measured = [one for one in matrices if one.scenario == Loss.name and one.network == name]
    lossy = {
        (source, target)
        for matrix in measured
        for source, row in matrix.cells.items()
        for target, cell in row.items()
        if (cell.lost or 0.0) >= DEGRADED
    }
    if not measured:
        lossy = {pair for pair in hurt if sent_again(answers, name, pair) or sent_again(answers, name, pair[::-1])}
    return frozenset(pair for pair in hurt if {pair, pair[::-1]} & lossy)


def explain(hurt: Mapping[str, frozenset[Pair]], tested: frozenset[Pair]) -> tuple[Verdict, ...]:
    """Return one verdict for the pairs of each host or way, whatever networks they are on; none where none is hurt."""
    every = frozenset(pair for pairs in hurt.values() for pair in pairs)
    return tuple(_verdict(reach, hurt) for reach in decompose(every, tested))


def _verdict(reach: Reach, hurt: Mapping[str, frozenset[Pair]]) -> Verdict:
    here = {name: found for name, pairs in sorted(hurt.items()) if (found := sorted(reach.pairs & pairs))}
    return Verdict(
        scenario=Group.MATRIX,
        subject=subject(reach),
        status=Status.FAILED,
        detail=f"connections or transfers fail {way(reach)} on {', '.join(here)}, where packets of all sizes get lost",
        fix=FIX,
        cause=CauseId.LOSS,
        certainty=Certainty.LIKELY,
        evidence={
            "cause": CauseId.LOSS,
            "hosts": [*reach.hosts],
            "networks": [*here],
            "pairs": [[*pair] for pair in sorted(reach.pairs)],
        },
        needed=tuple(_explained(name, pair) for name, pairs in here.items() for pair in pairs),
    )


def _explained(name: str, pair: Pair) -> frozenset[Claim]:
    whole = claims.both(lambda one, other: claims.whole(name, one, other), *pair)
    return whole | large_packets(name, pair) | steadily(name, pair) | claims.both(claims.flows, *pair)
