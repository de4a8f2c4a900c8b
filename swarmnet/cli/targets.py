"""Targets away from here, as the command line names them: a directory, sftp://... or s3://..."""

from __future__ import annotations

import atexit
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from swarmnet.edge.backups.away import AwayRepository
    from swarmnet.edge.targets.location import S3Location
    from swarmnet.model.sealed import Repository
    from swarmnet.model.targets import BackupTarget
    from swarmnet.workflows.backup_copy import Destination

ToOption = Annotated[
    list[str],
    typer.Option(
        "--to",
        metavar="TARGET",
        help="A directory, sftp://[USER@]HOST[:PORT]/PATH or s3://BUCKET/PREFIX; repeatable.",
    ),
]


@cache
def named_target(text: str) -> BackupTarget:
    """Return the target that a text names; nothing is connected yet. Connections end with the process.

    Raises:
        UsageError: it is not a target, or has a password in it.
    """
    from swarmnet.edge.targets.location import S3Location, SftpLocation, read_location

    location = read_location(text)
    if isinstance(location, SftpLocation):
        from swarmnet.edge.targets.sftp import SftpTarget

        there = sys.stdin.isatty()
        sftp = SftpTarget(
            location,
            confirm=wiring.confirm if there else None,
            passphrase=wiring.passphrase if there else None,
        )
        atexit.register(sftp.close)
        return sftp
    if isinstance(location, S3Location):
        return _s3(location)
    from swarmnet.edge.targets.directory import DirectoryTarget

    return DirectoryTarget(location)


def _s3(location: S3Location) -> BackupTarget:
    try:
        from swarmnet.edge.targets.s3 import S3Target
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{location} needs a package that is not installed: {error.name}", hint="pip install 'swarmnet[s3]'"
        ) from None
    return S3Target(location)


@cache
def repository_at(text: str) -> Repository:
    """Return the backups in a directory, or at a target, as a repository; raises as ``named_target`` does."""
    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.edge.targets.location import is_url

    return _away(text) if is_url(text) else DirectoryRepository(Path(text))


def destination(text: str, *, replace: bool = False) -> Destination:
    """Return where copies go; raises as ``named_target`` does."""
    from swarmnet.workflows.backup_copy import Destination

    return Destination(named_target(text), _away(text), replace=replace)


@cache
def _away(text: str) -> AwayRepository:
    from swarmnet.edge.backups.away import AwayRepository
    from swarmnet.edge.backups.heads import Heads

    target = named_target(text)
    repository = AwayRepository(target, Heads(target.place))
    atexit.register(repository.save)
    return repository
