"""What a verification measured, for Prometheus."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from swarmnet.model.exposition import Gauge, statuses
from swarmnet.model.report import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.exposition import Labels
    from swarmnet.model.verification import Cell, Verification

_MILLISECONDS = 1000


def verify_gauges(result: Verification) -> tuple[Gauge, ...]:
    """Return the verdicts, the pairs and the phases, each with its cluster as a label."""
    cluster: Labels = (("cluster", result.cluster),)
    verdicts = (
        ((*cluster, ("scenario", one.scenario), ("subject", one.subject)), one.status) for one in result.verdicts
    )
    causes = Counter(
        (one.cause, one.status)
        for one in result.verdicts
        if one.cause is not None and not one.because_of and one.status is not Status.OK
    )
    found = {
        "status": ("Whether the verification ended with this status: 1 or 0.", statuses([(cluster, result.status)])),
        "verdict": ("Whether the worst verdict on a subject has this status: 1 or 0.", statuses(verdicts)),
        "causes": (
            "Causes that were found, without what follows from them.",
            tuple(
                ((*cluster, ("cause", cause), ("status", status.value)), float(number))
                for (cause, status), number in causes.items()
            ),
        ),
        "pairs": ("Ordered pairs of hosts, by how they ended.", tuple(_counted(result, cluster))),
        "pair_latency_seconds": (
            "Time of the round trip between two hosts, or of a whole transfer.",
            tuple(
                (labels, cell.milliseconds / _MILLISECONDS)
                for labels, cell in _pairs(result, cluster)
                if cell.milliseconds is not None
            ),
        ),
        "pair_loss_ratio": (
            "Share of the datagrams that did not arrive, from 0 to 1.",
            tuple((labels, cell.lost) for labels, cell in _pairs(result, cluster) if cell.lost is not None),
        ),
        "expected_pairs": (
            "Pairs that the playbook expects something of, by how they ended.",
            tuple(_expected(result, cluster)),
        ),
        "phase_duration_seconds": (
            "How long a part of the verification took.",
            tuple(((*cluster, ("phase", phase.name)), phase.seconds) for phase in result.phases),
        ),
    }
    return tuple(Gauge(f"swarmnet_verify_{name}", text, samples) for name, (text, samples) in found.items())


def _counted(result: Verification, cluster: Labels) -> Iterator[tuple[Labels, float]]:
    for matrix in result.matrices:
        for status, number in (dict.fromkeys(Status, 0) | matrix.counts()).items():
            labels = (("scenario", matrix.scenario), ("network", matrix.network), ("status", status.value))
            yield (*cluster, *labels), float(number)


def _pairs(result: Verification, cluster: Labels) -> Iterator[tuple[Labels, Cell]]:
    for matrix in result.matrices:
        for source, row in matrix.cells.items():
            for target, cell in row.items():
                ends = (("source", source), ("destination", target))
                yield (*cluster, ("scenario", matrix.scenario), ("network", matrix.network), *ends), cell


def _expected(result: Verification, cluster: Labels) -> Iterator[tuple[Labels, float]]:
    if result.expected is not None:
        found = Counter(cell.status for row in result.expected.cells.values() for cell in row.values())
        for status in Status:
            yield (*cluster, ("status", status.value)), float(found[status])
