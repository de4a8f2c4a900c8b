"""``swarmnet logs``: what the tasks of services print, merged over all hosts."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import Cluster, grouped
from swarmnet.cli.output import Output
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.log import LogLine

EXAMPLE = "swarmnet logs web -i lab.yml --tail 20 --follow"
MOST_LINES = 100_000

ServicesArgument = Annotated[
    list[str], typer.Argument(help="Service, or a stack: all of its services.", metavar="SERVICE", show_default=False)
]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")]
TailOption = Annotated[
    int | None,
    typer.Option(
        "--tail", metavar="N", min=0, max=MOST_LINES, help="Last lines of each task; default: all.", show_default=False
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Such as 10m, 2h or 2026-01-31T12:00:00Z.", show_default=False),
]


@grouped
def command(
    services: ServicesArgument,
    cluster: Cluster,
    output: Output,
    follow: FollowOption = False,
    tail: TailOption = None,
    since: SinceOption = None,
) -> None:
    """Print what the tasks of services print, on all hosts, in one order of time, with task and node.

    Of each service, at most the last 8 MiB are read.
    """
    from swarmnet.report.documents.log import logs_document
    from swarmnet.report.formats.report import Report
    from swarmnet.report.terminal.console import console_for, printed, show
    from swarmnet.workflows.service_log import ServiceLog

    targets = output.targets()
    if follow and (targets.on_stderr or targets.files):
        raise UsageError("--follow cannot be combined with --json or --format", hint="give one of them")
    begin = None if since is None else instant(since, datetime.now(UTC))
    hosts = cluster.read()
    with cluster.connected(hosts) as ports:
        log = ServiceLog.of(ports, services, tail=tail, since=begin)
        for lines in log.follow() if follow else ():
            show(console_for(sys.stdout), texts(lines))
        found = log.lines()
    document = logs_document(hosts.cluster, found)
    targets.emit(Report("logs", document, (), printed(texts(found))))


def texts(lines: Iterable[LogLine]) -> Iterable[str]:
    """Return lines for people."""
    return (f"{one.at[:23]}Z {one.task}@{one.node} | {one.text}" for one in lines)


def instant(text: str, now: datetime) -> str:
    """Return a time of RFC 3339 for a time, or for a duration before now.

    Raises:
        UsageError: it is neither.
    """
    from datetime import timedelta

    from swarmnet.operations.notation import seconds

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            found = now - timedelta(seconds=float(str(seconds(text))))
        except (ValueError, OverflowError):
            raise UsageError(f"--since {text} is not a time", hint="write 10m, 2h, or 2026-01-31T12:00:00Z") from None
    if found.tzinfo is None:
        raise UsageError(f"--since {text} has no time zone", hint="end it with Z for UTC")
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
