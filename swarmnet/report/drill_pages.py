"""The report of a drill as pages for an auditor: Markdown, and HTML that needs no other file.

Both show the facts of the signed JSON document, in the same order. What hosts and backups say is text there, never
markup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.formats.html import written
from swarmnet.report.formats.markdown import cell
from swarmnet.report.formats.page import Page, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.report.documents.drill import DrillDocument

Row = tuple[str, ...]

MEANING = {
    "passed": "Everything came back but what was announced, and the networks were proved by traffic.",
    "incomplete": "Nothing is wrong, and something could not be proved.",
    "failed": "The backup did not come back as it should.",
}
RESULTS = {"passed": Status.OK, "incomplete": Status.INCONCLUSIVE, "failed": Status.FAILED}


def sections(found: DrillDocument) -> Iterator[Table]:
    """Yield the facts of a drill as tables; empty ones are left out, but for what was lost."""
    yield Table("Summary", ("fact", "value"), tuple(_summary(found)))
    yield Table("Recovery time", ("part", "seconds"), tuple((one.name, f"{one.seconds:.1f}") for one in found.phases))
    lost = tuple((one.object, one.kind, ", ".join(change.path for change in one.changes)) for one in found.lost)
    none = (("nothing", "", ""),) if found.compared else (("not compared", "", ""),)
    yield Table("Lost without notice", ("object", "how", "fields"), lost or none)
    for title, texts in (
        ("Could not be restored", found.failed),
        ("What verify found", found.findings),
        ("Could not be compared", found.unseen),
        ("Could not be taken down", found.left_behind),
    ):
        if texts:
            yield Table(title, ("what",), tuple((text,) for text in texts))
    if found.explained:
        yield Table("Different, as announced", ("what", "why"), tuple((one.what, one.why) for one in found.explained))
    yield Table(
        "Never comes back from a backup",
        ("what", "why", "instead"),
        tuple(
            (one.kind if one.what == "all" else f"{one.kind} {one.what}", one.why, one.instead) for one in found.losses
        ),
    )
    yield Table(
        "Hosts",
        ("of the backup", "in its place", "engine"),
        tuple((old, new, found.engines.get(new, "")) for old, new in sorted(found.hosts.items())),
    )
    yield Table("Restored", ("what",), tuple((text,) for text in found.restored))


def _summary(found: DrillDocument) -> Iterator[Row]:
    backup = found.backup
    yield "result", f"{found.result}: {MEANING[found.result]}"
    yield "recovery time (RTO)", f"{found.recovery_seconds:.1f} s from the sealed file to proved networks"
    if found.target_seconds is not None:
        yield "it may take", f"{found.target_seconds:g} s{': TOO SLOW' if is_late(found) else ''}"
    yield "age of the backup (RPO)", f"{found.data_age_seconds / 3600:.1f} h"
    yield "networks by traffic", found.verified or "not verified"
    yield "backup", f"{backup.name}, taken {backup.created}, {'complete' if backup.complete else 'PARTIAL'}"
    yield "SHA-256 of the sealed file", backup.sha256
    yield "cluster", backup.cluster
    where = "a lab of the operator's machine" if found.ground == "lab" else "spare hosts"
    yield "restored onto", f"{where}: {found.place}"
    if found.ground == "lab":
        yield "hosts ready after", f"{found.ready_seconds:.1f} s, not part of the recovery time"
    yield "begun", found.begun
    yield "by", f"{found.operator}, {found.tool}"
    yield "drill", found.id
    if found.kept is not None:
        yield "kept", found.kept


def is_late(found: DrillDocument) -> bool:
    """Return whether the recovery took longer than it may."""
    return found.target_seconds is not None and found.recovery_seconds > found.target_seconds


def markdown(found: DrillDocument) -> str:
    """Return the report as Markdown."""
    lines = [f"# Recovery drill of cluster {cell(found.backup.cluster)}: {found.result}", ""]
    for section in sections(found):
        rule = " | ".join("---" for _ in section.head)
        lines += [f"## {section.title}", "", f"| {' | '.join(section.head)} |", f"| {rule} |"]
        lines += [f"| {' | '.join(map(cell, row))} |" for row in section.rows]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def page(found: DrillDocument) -> Page:
    """Return the report as any page of a result is."""
    summary, *others = sections(found)
    facts = summary.rows[1:]  # the first is the answer
    return Page(
        title=f"Recovery drill of cluster {found.backup.cluster}",
        answer=MEANING[found.result],
        status=RESULTS[found.result],
        tables=(Table(summary.title, summary.head, facts), *others),
    )


def html(found: DrillDocument) -> str:
    """Return the report as one HTML page, built as the pages of all other results."""
    return written(page(found))
