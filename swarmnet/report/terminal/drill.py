"""How a drill ended, and the drills that are kept, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.drill_pages import MEANING, is_late
from swarmnet.report.terminal.console import line, table
from swarmnet.report.terminal.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.report.documents.drill import DrillDocument, DrillsDocument, LoseDocument
    from swarmnet.report.terminal.console import Line

STYLES = {"passed": "green", "incomplete": "yellow", "failed": "red"}


def drill_lines(found: DrillDocument) -> Iterator[Line]:
    """Yield the verdict, the times, and what differs; what no restore brings back is in the report on disk."""
    yield line((f"drill {found.result}: {MEANING[found.result]}", STYLES[found.result]))
    yield f"backup {found.backup.name} of {found.backup.created}"
    parts = ", ".join(f"{one.name} {one.seconds:.1f} s" for one in found.phases)
    yield f"recovery time (RTO) {found.recovery_seconds:.1f} s: {parts or 'nothing was restored'}"
    if is_late(found):
        yield line((f"TOO SLOW: it may take {found.target_seconds:g} s", "red"))
    if found.ground == "lab":
        yield f"not counted: {found.ready_seconds:.1f} s until the lab's hosts answered"
    yield f"age of the backup (RPO) {found.data_age_seconds / 3600:.1f} h"
    yield from _different(found)
    if found.kept is not None:
        yield f"kept; remove it with: {found.kept}"
    yield f"verify: {found.verified or 'not run'}"


def _different(found: DrillDocument) -> Iterator[Line]:
    lost = (f"{one.object}: {', '.join(change.path for change in one.changes) or one.kind}" for one in found.lost)
    for word, texts, style in (
        ("FAILED", found.failed, "red"),
        ("LOST without notice", lost, "red"),
        ("verify", found.findings, ""),
        ("as announced", (f"{one.what}: {one.why}" for one in found.explained), ""),
        ("not compared", found.unseen, ""),
        ("NOT TAKEN DOWN", found.left_behind, "red"),
    ):
        yield from (line((f"{word}: {text}", style)) for text in texts)


def list_lines(found: DrillsDocument) -> Iterator[Line]:
    """Yield a table of the drills, newest first, and what could not be read."""
    if found.drills:
        rows = [
            (
                one.begun[:16].replace("T", " "),
                one.cluster,
                one.result,
                f"{one.recovery_seconds:.1f} s",
                f"{one.data_age_seconds / 3600:.1f} h",
                one.signature,
                one.path,
            )
            for one in found.drills
        ]
        yield table(("DRILL (UTC)", "CLUSTER", "RESULT", "RTO", "RPO", "SIGNATURE", "REPORT"), rows)
    for text in found.unreadable:
        yield line((f"UNREADABLE: {text}", "red"))
    if not found.drills and not found.unreadable:
        yield "no drills here; `swarmnet drill latest` does one"


def lose_lines(found: LoseDocument) -> Iterator[Line]:
    """Yield what the cluster did without its nodes."""
    had = ", ".join(f"{name} {count(number, 'task')}" for name, number in found.moved.items()) or "no tasks"
    yield f"{', '.join(found.nodes)} of {found.cluster}, with {had}: drained in {found.drained_seconds:.1f} s"
    for one in found.answers:
        style = "yellow" if one.failed else "green"
        said = f"{one.failed} of {count(one.sent, 'request')} failed, longest time without an answer"
        yield line((f"{one.service}:{one.port}: {said} {one.gap_seconds:.2f} s", style))
    for door in found.silent:
        yield f"not measured: {door.service}:{door.port} did not answer from here before anything was changed"
    for text in found.failed:
        yield line((f"FAILED: {text}", "red"))
    for text in found.not_back:
        yield line((f"TAKES NO TASKS STILL: {text}; swarmnet node activate HOST -i FILE", "red"))
    if not found.not_back:
        yield f"{', '.join(found.nodes)} can take tasks again; engines move no running task back"
