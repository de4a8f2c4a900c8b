"""What the matrices and the probes' logs show of each pair, before any cause is looked for.

What a probe heard tells the direction. A datagram that never arrived condemns its direction; a round trip whose request
was heard fails because of the way back.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.model.verification import TcpStage
from swarmnet.verify.kernels import without_esp
from swarmnet.verify.keys import HEARD, ICMP, UDP
from swarmnet.verify.scenarios.pairs.matrix import UdpMatrix

if TYPE_CHECKING:
    from swarmnet.model.verification import Matrix
    from swarmnet.verify.patterns import Pair
    from swarmnet.verify.scenario import Answers, Setup


@dataclass(frozen=True, slots=True)
class Evidence:
    """Failed pairs of one network, sorted by what they show."""

    tested: frozenset[Pair]
    blocked: frozenset[Pair]
    """Nothing arrives in this direction."""
    stalled: frozenset[Pair]
    """Small packets pass, a transfer of 1 MiB does not."""
    partial: frozenset[Pair]
    """One protocol passes, another one does not."""

    @property
    def failed(self) -> frozenset[Pair]:
        """All of them."""
        return self.blocked | self.stalled | self.partial

    def without(self, pairs: frozenset[Pair]) -> Evidence:
        """Return the evidence less pairs that are explained."""
        return Evidence(self.tested, self.blocked - pairs, self.stalled - pairs, self.partial - pairs)


def refine(setup: Setup, answers: Answers, matrix: Matrix) -> Matrix:
    """Return the matrix with its failed pairs sorted by what failed, for people.

    Those that a kernel without ESP explains are inconclusive. A UDP request that was heard is degraded: only the
    answer was lost, so the red cell of the two is the direction that loses packets.
    """
    return _arrived(answers, _excused(setup, answers, matrix))


def _arrived(answers: Answers, matrix: Matrix) -> Matrix:
    listened = heard(answers, matrix.network) if matrix.scenario == UdpMatrix.name else {}
    update = {"status": Status.WARNING, "detail": "the request arrives but the answer is lost"}
    cells = {
        source: {
            target: cell.model_copy(update=update)
            if cell.status is Status.FAILED and source in listened.get(target, ())
            else cell
            for target, cell in row.items()
        }
        for source, row in matrix.cells.items()
    }
    return matrix.model_copy(update={"cells": cells})


def _excused(setup: Setup, answers: Answers, matrix: Matrix) -> Matrix:
    incapable = without_esp(answers)
    if not incapable or not is_encrypted(setup, matrix.network):
        return matrix
    cells = {
        source: {
            target: cell.model_copy(update={"status": Status.INCONCLUSIVE, "detail": "the kernel cannot do ESP"})
            if cell.status is Status.FAILED and {source, target} & incapable
            else cell
            for target, cell in row.items()
        }
        for source, row in matrix.cells.items()
    }
    return matrix.model_copy(update={"cells": cells})


def heard(answers: Answers, network: str) -> dict[str, frozenset[str]]:
    """Return for each probe that could tell from whom its UDP server heard anything on the network."""
    hosts = dict.fromkeys(host for host, _ in answers)
    logs = {host: log for host in hosts if (log := HEARD.read(answers, host)) is not None}
    return {host: frozenset(log.get(network, {})) for host, log in logs.items()}


def read(matrices: list[Matrix], listened: dict[str, frozenset[str]]) -> Evidence:
    """Sort the failed pairs of one network's matrices by what they show."""
    cells: dict[Pair, dict[str, Status]] = defaultdict(dict)
    stalled: set[Pair] = set()
    for matrix in matrices:
        for source, row in matrix.cells.items():
            for target, cell in row.items():
                cells[source, target][matrix.scenario] = cell.status
                if cell.status is Status.FAILED and cell.stage is TcpStage.TRANSFER:
                    stalled.add((source, target))
    tested = {pair for pair, by in cells.items() if set(by.values()) - {Status.INCONCLUSIVE}}
    failed = {pair for pair in tested if Status.FAILED in cells[pair].values()}
    blocked = {pair for pair in failed if _never_arrives(pair, cells[pair], listened)}
    explained = blocked | {(target, source) for source, target in blocked}
    stalled -= explained | {p for p in stalled if any(cells[p].get(k) is Status.FAILED for k in (ICMP.name, UDP.name))}
    partial = failed - explained - stalled
    return Evidence(frozenset(tested), frozenset(blocked), frozenset(stalled), frozenset(partial))


def _never_arrives(pair: Pair, by: dict[str, Status], listened: dict[str, frozenset[str]]) -> bool:
    source, target = pair
    if UDP.name in by and target in listened:
        return by[UDP.name] is Status.FAILED and source not in listened[target]
    return Status.OK not in by.values()


def is_encrypted(setup: Setup, name: str) -> bool:
    """Return whether a tested network is encrypted."""
    return any(net.spec.encrypted for net in setup.networks if net.spec.name == name)
