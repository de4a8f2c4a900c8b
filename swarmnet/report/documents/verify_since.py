"""What changed between two verifications, from their documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.model.report import WORST_FIRST
from swarmnet.report.documents.verify_changes import ChangedPairEntry, ChangedVerdictEntry, SinceEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.report.documents.verify import MatrixEntry, VerdictEntry, VerifyDocument
    from swarmnet.report.documents.verify_changes import Status


def since(earlier: VerifyDocument, now: VerifyDocument) -> SinceEntry:
    """Return what is different now. Times and words are not compared: they differ in each run.

    Nor is what only one of the runs asked: a scenario that was not asked has no findings, whatever is broken.
    """
    alone = {*earlier.scenarios} ^ {*now.scenarios}
    return SinceEntry(
        run=earlier.run,
        status=earlier.status,
        verdicts=_verdicts(
            *([one for one in run.verdicts if one.scenario not in alone] for run in (earlier, now)),
        ),
        pairs=_pairs(earlier.matrices, now.matrices),
    )


@dataclass(slots=True)
class _Found:
    """All verdicts on one subject."""

    status: Status | None = None
    causes: set[str] = field(default_factory=set)


def _verdicts(before: Iterable[VerdictEntry], after: Iterable[VerdictEntry]) -> list[ChangedVerdictEntry]:
    old, new = _by_subject(before), _by_subject(after)
    return [
        ChangedVerdictEntry(
            scenario=key[0],
            subject=key[1],
            before=then.status,
            after=now.status,
            causes_before=sorted(then.causes),
            causes_after=sorted(now.causes),
        )
        for key in dict.fromkeys((*new, *old))
        if (then := old.get(key, _Found())) != (now := new.get(key, _Found()))
    ]


def _by_subject(verdicts: Iterable[VerdictEntry]) -> dict[tuple[str, str], _Found]:
    found: dict[tuple[str, str], _Found] = {}
    for one in verdicts:
        here = found.setdefault((one.scenario, one.subject), _Found())
        worst: Status = min(one.status, here.status or one.status, key=_badness)
        here.status = worst
        here.causes |= {one.cause} if one.cause is not None else set()
    return found


def _badness(status: str) -> int:
    return [each.value for each in WORST_FIRST].index(status)


def _pairs(before: Iterable[MatrixEntry], after: Iterable[MatrixEntry]) -> list[ChangedPairEntry]:
    old = {(one.scenario, one.network): _ended(one) for one in before}
    return [
        ChangedPairEntry(
            scenario=matrix.scenario,
            network=matrix.network,
            source=source,
            destination=destination,
            before=then.get((source, destination)),
            after=now.get((source, destination)),
        )
        for matrix in after
        if (then := old.get((matrix.scenario, matrix.network))) is not None and (now := _ended(matrix)) != then
        for source, destination in dict.fromkeys((*now, *then))
        if then.get((source, destination)) != now.get((source, destination))
    ]


def _ended(matrix: MatrixEntry) -> dict[tuple[str, str], Status]:
    return {(one, two): cell.status for one, row in matrix.cells.items() for two, cell in row.items()}
