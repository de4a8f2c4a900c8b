"""What was bundled: a check for each host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.console import line, printed
from swarmnet.report.terminal.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.report.documents.bundle import BundledHost, BundleDocument
    from swarmnet.report.terminal.console import Line


def bundle_report(found: BundleDocument) -> Report:
    """Return what was bundled; a host that gave nothing, or not all, is inconclusive."""
    return Report(
        command="bundle",
        document=found,
        checks=tuple(_check(one) for one in found.hosts),
        print_to=printed(_lines(found)),
    )


def _check(one: BundledHost) -> Check:
    status = Status.OK if one.problem is None else Status.INCONCLUSIVE
    return Check("host", one.host, status, one.problem or count(one.files, "file"))


def _lines(found: BundleDocument) -> Iterator[Line]:
    for one in found.hosts:
        if one.problem is not None:
            yield line((f"incomplete: {one.host}: {one.problem}", "yellow"))
    size = f"{found.bytes / 1_000_000:.1f} MB"
    files = f"{count(found.files, 'file')} of {count(len(found.hosts), 'host')}"
    yield line((found.path, "bold"), f": {files}, {size}, sha256 {found.sha256}")
    yield "Secrets are hidden, as far as they can be known. Read it before you give it to others: tar -xzf FILE"
