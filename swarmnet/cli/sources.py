"""The playbook that made a cluster, with its files, on its way into a backup and out of it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.errors import SwarmnetError, UnwrittenError, UsageError

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.schedule import Schedule
    from swarmnet.model.sources import Sources

PlaybookInBackup = Annotated[
    Path | None,
    typer.Option(
        "--playbook",
        metavar="FILE",
        help="Keep this playbook in the backup, with the files that it names, and the inventory; no values of secrets.",
    ),
]
FilesTo = Annotated[
    Path | None,
    typer.Option(
        "--files-to",
        metavar="DIR",
        help="Write the playbook of the backup, with its files and the inventory, into this new directory.",
        show_default=False,
    ),
]


def read_sources(playbook: Path, inventory: Path) -> Sources:
    """Return a playbook with the files that it names, and the inventory.

    Raises:
        DocumentError: a value of a secret is in one of them.
        UsageError: a file cannot be read.
    """
    from swarmnet.cli.planning import operator_files
    from swarmnet.edge.operator.files import read_document
    from swarmnet.parse.sources import sources_of

    if "-" in (str(playbook), str(inventory)):
        raise UsageError("--playbook keeps files, and - is stdin", hint="save it as a file first")
    return sources_of(
        (playbook.name, read_document(playbook)),
        (inventory.name, read_document(inventory)),
        operator_files(playbook.parent),
        given=str(playbook),
    )


def scheduled_sources(schedule: Schedule) -> tuple[Sources | None, tuple[str, ...]]:
    """Return the playbook of a schedule with its files, or none and why the backup goes without."""
    if schedule.playbook is None:
        return None, ()
    try:
        return read_sources(Path(schedule.playbook), Path(schedule.inventory)), ()
    except SwarmnetError as error:
        return None, (f"the playbook is not in the backup: {error}",)


def write_files(document: BackupDocument, directory: Path) -> tuple[str, ...]:
    """Write the files that made a cluster into a new directory, and return what to tell the operator.

    Raises:
        UsageError: the backup has none, the directory has something in it, or cannot be written.
    """
    from swarmnet.files import write_once

    sources = document.sources
    if sources is None:
        raise UsageError(
            "--files-to: this backup holds no playbook", hint="`swarmnet backup create --playbook FILE` keeps one"
        )
    try:
        if directory.exists() and any(directory.iterdir()):
            raise UsageError(f"--files-to {directory}: something is in it, and no file is overwritten")
        for name, content in sources.named.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_once(path, content)
    except OSError as error:
        raise UnwrittenError(directory, error, hint="name another directory with --files-to") from error
    lines = [f"{directory / sources.playbook} is the playbook, {directory / sources.inventory} the old inventory"]
    if sources.missing:
        lines.append(f"the playbook reads files that no backup keeps: {', '.join(sources.missing)}")
    return tuple(lines)
