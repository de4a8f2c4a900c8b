"""The options that name a repository of backups, and the default one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from swarmnet.cli.wiring import note

DEFAULT_REPOSITORY = "backups"


def named_repository(given: str | None) -> str:
    """Return the directory or target of backups that was named, empty where none was.

    Raises:
        UsageError: it is a URL that is not a target's.
    """
    if given and ":" in given:
        from swarmnet.edge.targets.location import read_location

        read_location(given)
    return given or ""


def or_default(named: str) -> str:
    """Return the repository that was named, or the default one, which is shown once: the working directory decides it.

    Call it where backups are looked for: one that is named by its path needs no repository.
    """
    if not named:
        _show(Path(DEFAULT_REPOSITORY).absolute())
    return named or DEFAULT_REPOSITORY


@cache
def _show(here: Path) -> None:
    note(f"repository: {here} (in the working directory; choose another with --repository)")


RepositoryOption = Annotated[
    str,
    typer.Option(
        "--repository",
        "--output-dir",
        metavar="DIR|URL",
        help="Directory of the backups; default: `backups` in the working directory. To read: sftp:// or s3://, too.",
        envvar="SWARMNET_REPOSITORY",
        callback=named_repository,
        show_default=False,
    ),
]
SafetyRepositoryOption = Annotated[
    str | None,
    typer.Option(
        "--repository",
        metavar="DIR",
        help="Directory of the backup that is taken first; default: `backups` in the working directory.",
        envvar="SWARMNET_REPOSITORY",
        show_default=False,
    ),
]
