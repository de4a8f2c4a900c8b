"""``swarmnet backup export``: a backup for people and for git, without secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import ShowValuesOption, grouped
from swarmnet.cli.sealing import OneBackup, key_ring
from swarmnet.cli.streams import echo_json
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument


@grouped
def export(
    source: OneBackup,
    show_values: ShowValuesOption = False,
    git: Annotated[
        Path | None,
        typer.Option(
            "--git",
            metavar="DIR",
            help="Write it to a git repository, a file for each object, and commit what changed.",
        ),
    ] = None,
) -> None:
    """Print a backup as readable JSON, without config data and without values that may hold secrets.

    Values of environment variables, labels, commands, arguments and options are hidden; their names are shown.

    With --git, each object is a file, and what differs from the last export is one commit with a message that names it;
    without a difference there is none. Hidden values show whether they changed: their tags are made with a key that is
    kept in the key directory.
    """
    from swarmnet.model.redaction import Cover
    from swarmnet.plan.recovery.redact import redacted

    if git is None:
        echo_json(redacted(source.document(source.backup), Cover(shows=show_values)), indent=2)
        return
    if show_values:
        raise UsageError("--show-values would write secrets into the history of git", hint="leave one of the two out")
    document = source.document(source.backup)
    commit = committed(document, git, source.keys)
    typer.echo("nothing changed since the last export" if commit is None else f"committed {commit} in {git}")


def committed(document: BackupDocument, repository: Path, keys: Path | None) -> str | None:
    """Commit what a backup changes in a git repository of exports; return the commit, None where nothing changed.

    Raises:
        IncompleteError: the backup is partial.
        UsageError: the folder is not a git repository, and not empty.
        SwarmnetError: git refuses.
    """
    from functools import partial

    from swarmnet.edge.backups.repository import slug
    from swarmnet.edge.git_exports import GitExports
    from swarmnet.model.redaction import Cover
    from swarmnet.plan.recovery.exported import commit_message, exported

    exports = GitExports(repository)
    files = exported(document, Cover(key=key_ring(keys).export_key()))
    return exports.commit(slug(document.cluster), files, partial(commit_message, document))
