"""What changed since an earlier verification, for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from swarmnet.report.terminal.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.report.documents.verify_changes import ChangedVerdictEntry, SinceEntry


def since_lines(found: SinceEntry) -> Iterator[str]:
    """Yield how much changed, then each finding that is another one, then the pairs of each network by their change."""
    if not found.verdicts and not found.pairs:
        yield f"since run {found.run} ({found.status}): nothing changed"
        return
    changed = f"{count(len(found.verdicts), 'finding')} and {count(len(found.pairs), 'pair')}"
    yield f"since run {found.run} ({found.status}): {changed} changed"
    for one in found.verdicts:
        yield f"  {one.scenario}: {one.subject}: {_change(one)}"
    pairs = Counter((one.network, one.scenario, one.before, one.after) for one in found.pairs)
    for (network, scenario, before, after), number in pairs.items():
        change = f"{before or 'not measured'} -> {after or 'not measured'}"
        yield f"  {scenario}: network {network}: {count(number, 'pair')}: {change}"


def _change(one: ChangedVerdictEntry) -> str:
    return f"{_ended(one.before, one.causes_before)} -> {_ended(one.after, one.causes_after)}"


def _ended(status: str | None, causes: list[str]) -> str:
    return f"{status or 'not reported'} ({', '.join(causes)})" if causes else status or "not reported"
