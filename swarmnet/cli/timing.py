"""The options that say when a schedule runs, what else its runs do, and who hears of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

RtoOption = Annotated[
    float | None,
    typer.Option(
        "--rto", metavar="MINUTES", min=0, help="Fail a drill whose recovery takes longer.", show_default=False
    ),
]


@dataclass(frozen=True, slots=True)
class Telling:
    """Who hears of the runs."""

    ping_url: Annotated[
        str | None,
        typer.Option(
            "--ping-url",
            metavar="URL|env:NAME",
            help="URL of a dead man's switch, as healthchecks has: gets /start, success, or /fail with the last lines.",
        ),
    ] = None
    notify: Annotated[
        list[str] | None,
        typer.Option(
            "--notify",
            metavar="URL|env:NAME",
            help="Service to notify of failures: mail, chat, anything that apprise supports (an extra); repeatable.",
        ),
    ] = None
    on_failure: Annotated[
        str | None,
        typer.Option("--on-failure", metavar="CMD", help="Command that runs after a failure; its stdin has the lines."),
    ] = None
    metrics: Annotated[
        Path | None,
        typer.Option("--metrics", metavar="FILE.prom", help="File for Prometheus' textfile collector."),
    ] = None


@dataclass(frozen=True, slots=True)
class Timing:
    """When runs begin, what starts them, and how long none may succeed."""

    at: Annotated[
        str,
        typer.Option(
            "--at", metavar="WHEN", help="daily, hourly, weekly, monthly, or a cron expression, in local time."
        ),
    ] = "daily"
    drill: Annotated[
        str | None,
        typer.Option(
            "--drill",
            metavar="WHEN",
            help="Also rehearse the restore in a lab: monthly, weekly or a cron expression. Needs root.",
            show_default=False,
        ),
    ] = None
    on: Annotated[
        Path | None,
        typer.Option(
            "--on",
            metavar="INVENTORY",
            help="Rehearse on these spare hosts instead of a lab: in no swarm, and empty. Needs no root.",
            show_default=False,
        ),
    ] = None
    secrets_from: Annotated[
        str | None,
        typer.Option(
            "--secrets-from",
            metavar="FILE.yml|env:PREFIX",
            help="Values of secrets for drills, read at each drill; the schedule keeps only where they are.",
            show_default=False,
        ),
    ] = None
    rto: RtoOption = None
    raft: Annotated[
        str | None,
        typer.Option(
            "--raft",
            metavar="WHEN",
            help="Also archive a manager's whole state, secrets included: weekly, monthly or a cron expression. Its"
            " engine stops for seconds, never where no majority would be left.",
            show_default=False,
        ),
    ] = None
    with_: Annotated[
        str | None,
        typer.Option(
            "--with", metavar="WHAT", help="systemd-user, systemd-system, cron or launchd; default: what runs here."
        ),
    ] = None
    max_age: Annotated[
        float | None,
        typer.Option(
            "--max-age",
            metavar="HOURS",
            min=1,
            help="When the newest backup is too old; default: after two runs that failed.",
            show_default=False,
        ),
    ] = None
