"""``swarmnet backup copy``: bring sealed backups away from here."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import grouped
from swarmnet.cli.output import Output
from swarmnet.cli.sealing import ClusterOption, OneHeader
from swarmnet.cli.targets import ToOption, destination
from swarmnet.errors import BackupNotFoundError

if TYPE_CHECKING:
    from swarmnet.workflows.backup_copy import Copied


@grouped
def copy(
    source: OneHeader,
    to: ToOption,
    output: Output,
    all_: Annotated[bool, typer.Option("--all", help="Every backup of the repository.")] = False,
    cluster: ClusterOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a copy that has another content, as after `keys rewrap`.")
    ] = False,
) -> None:
    """Copy backups as they are, sealed and signed, to one or more targets; no identity is needed.

    Each is checked before it goes, appears at the target whole or not at all, and is read back and compared. What is
    there already is left out, so an interrupted copy goes on when it is run again. Nothing is overwritten or removed.

    Credentials: sftp logs in as ssh does (ssh_config, keys, agent, known_hosts); s3 reads AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY or AWS_PROFILE, and AWS_ENDPOINT_URL for other stores than Amazon's.

    Exit 75: a target does not answer. Exit 13: it did not keep what was sent. Exit 1: it refuses.
    """
    from swarmnet.report.documents.backups import copied_document
    from swarmnet.report.reports.backups import copied_report
    from swarmnet.report.terminal.progress import ProgressLines
    from swarmnet.workflows.backup_copy import copy as copy_backups

    targets, vault, store = output.targets(), source.checker(), source.store()
    places = [destination(text, replace=replace) for text in to]
    one = () if all_ else (source.find(source.backup, vault, cluster=cluster),)
    entries = one or source.listing(vault, cluster)
    if not entries:
        raise BackupNotFoundError(f"no backup in {store.place}", hint="`swarmnet backup create` takes one")
    copied = [
        one
        for place in places
        for one in copy_backups(entries, source=store, vault=vault, to=place, listener=ProgressLines(sys.stderr))
    ]
    targets.emit(
        copied_report(
            copied_document((one.entry.name, one.at, one.outcome.value, one.problem) for one in copied),
            [_line(one) for one in copied],
        )
    )
    problems = [one.problem.exit_code for one in copied if one.problem is not None]
    if problems:
        raise typer.Exit(max(problems))


def _line(one: Copied) -> str:
    if one.problem is not None:
        hint = f" ({one.problem.hint})" if one.problem.hint else ""
        return f"FAILED {one.entry.name}: {one.problem.message}{hint}"
    return f"{one.outcome.value} {one.at}"
