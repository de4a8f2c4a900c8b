"""``swarmnet backup``: take, list, check, compare and prune backups."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.commands import copies, exports, raft
from swarmnet.cli.keeping import Keeping
from swarmnet.cli.moved import Moved
from swarmnet.cli.options import (
    LimitedCluster,
    LimitOption,
    LogFileOption,
    ShowValuesOption,
    TimeoutOption,
    VerboseOption,
    WaitOption,
    YesOption,
    grouped,
)
from swarmnet.cli.output import Output
from swarmnet.cli.repositories import RepositoryOption
from swarmnet.cli.sealing import (
    Checking,
    ClusterOption,
    KeysOption,
    OneBackup,
    Opening,
    SignOption,
    SingleOption,
    remembering,
    sealing_vault,
)
from swarmnet.cli.sources import FilesTo, PlaybookInBackup, read_sources, write_files
from swarmnet.cli.wiring import note, this_operator
from swarmnet.errors import BackupNotFoundError, ExitCode, UsageError

if TYPE_CHECKING:
    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.edge.backups.vault import AgeVault
    from swarmnet.model.differences import Drift
    from swarmnet.report.documents.backups import CheckedEntry
    from swarmnet.report.formats import Report
    from swarmnet.workflows.backup import Pruned, Taken
    from swarmnet.workflows.backup_lookup import Checked

LIVE = "live"
"""Instead of a backup: the cluster as it is now."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """Where a backup goes, who can open it, and who signs it."""

    repository: RepositoryOption = ""
    keys: KeysOption = None
    recipient: Annotated[
        list[str] | None,
        typer.Option("--recipient", metavar="KEY", help="An additional key that opens it; repeatable."),
    ] = None
    sign_with: SignOption = None
    single_recipient: SingleOption = False

    def vault(self) -> AgeVault:
        """Return a vault that seals."""
        return sealing_vault(self.keys, self.recipient, self.sign_with, single_recipient=self.single_recipient)

    def store(self) -> DirectoryRepository:
        """Return the repository."""
        return Checking(self.repository).writable()


@dataclass(frozen=True, slots=True)
class Live:
    """The live cluster, where one is compared."""

    inventory: Annotated[
        Path | None,
        typer.Option(
            "--inventory",
            "-i",
            metavar="FILE",
            help="For `live`: the inventory of the cluster.",
            envvar="SWARMNET_INVENTORY",
        ),
    ] = None
    limit: LimitOption = None
    timeout: TimeoutOption = None
    verbosity: VerboseOption = 0
    log_file: LogFileOption = None

    def cluster(self) -> LimitedCluster:
        """Return the hosts to look at.

        Raises:
            UsageError: no inventory was named.
        """
        if self.inventory is None:
            raise UsageError(
                "comparing with the live cluster needs its inventory",
                hint="swarmnet backup diff BACKUP -i INVENTORY, or swarmnet backup diff OLDER NEWER",
            )
        return LimitedCluster(self.inventory, self.timeout, self.verbosity, log_file=self.log_file, limit=self.limit)


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.command(
    "copy",
    epilog="Example: swarmnet backup copy --all --to s3://backups/swarm --to /mnt/usb",
    short_help="Copy backups to a directory, an SFTP server or S3.",
)(copies.copy)
app.command(
    "export",
    epilog="Example: swarmnet backup export latest --git ~/swarm-history",
    short_help="Print a backup as JSON without secrets, or commit it to git.",
)(exports.export)
app.command(
    "raft",
    epilog=f"Example: {raft.TAKEN}",
    short_help="Archive a manager's whole state, secrets included.",
)(raft.take)
EXAMPLE = "swarmnet backup create -i lab.yml"


@dataclass(frozen=True, slots=True)
class Added:
    """What a backup gets besides the state of the cluster."""

    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="WORD", help="A word to find it by; repeatable.")
    ] = None
    playbook: PlaybookInBackup = None


@app.command(
    epilog="Example: swarmnet backup create -i lab.yml --tag before-upgrade",
    short_help="Take a backup, seal it, and open it again as a check.",
)
@grouped
def create(
    cluster: LimitedCluster,
    sealing: Sealing,
    output: Output,
    added: Added,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Accept a partial backup, even when no manager answers.")
    ] = False,
    lock_wait: WaitOption = 0.0,
) -> None:
    """Read the cluster and the networks of all hosts, seal the backup, open it again, and only then write it.

    Exit 3: written, but marked partial because a host did not answer or --limit left it out; --allow-partial accepts
    that. Exit 11: another run is changing the cluster; --lock-wait waits for its end.
    """
    targets, store, hosts = output.targets(), sealing.store(), cluster.read()
    sources = None if added.playbook is None else read_sources(added.playbook, cluster.inventory)
    with cluster.observed(hosts) as ports:  # what follows loads while the logins go on
        import uuid
        from importlib.metadata import version as installed

        from swarmnet.workflows.backup import Order, undisturbed
        from swarmnet.workflows.backup import create as take
        from swarmnet.workflows.fleet.observe import RECORDED

        vault = sealing.vault()
        look = replace(RECORDED, hosts=cluster.names(hosts))
        order = Order(
            cluster=hosts.cluster,
            backup_id=uuid.uuid4().hex,
            created=ports.clock.now(),
            tool=f"swarmnet {installed('swarmnet')}",
            tags=tuple(added.tag or ()),
            inventory=hosts,
            allow_partial=allow_partial,
            sources=sources,
        )
        observe = partial(undisturbed, ports, look, this_operator(), wait=lock_wait)
        taken = take(order, observe, vault=vault, repository=store, listener=ports.listener, now=ports.clock.now)
    for warning in remembering(sealing.keys).made(taken.document):
        note(f"warning: {warning}")
    targets.emit(_taken_report(taken))
    if not taken.document.completeness.complete and not allow_partial:
        raise typer.Exit(ExitCode.INCOMPLETE)


def _taken_report(taken: Taken) -> Report:
    from swarmnet.report.documents.backups import create_document
    from swarmnet.report.reports.backups import created_report

    completeness = taken.document.completeness
    word = "complete" if completeness.complete else "PARTIAL"
    lines = [f"{taken.path}  {taken.size} B  {word}"]
    lines += [f"  missing: {failure.host}: {failure.reason}" for failure in completeness.failures]
    lines += [f"  fuzzy, it changed during each look: {one}" for one in completeness.fuzzy]
    return created_report(create_document(taken.document, taken.path, taken.size), lines)


@app.command(
    "list",
    epilog="Example: swarmnet backup list --repository backups --json",
    short_help="Show the backups, newest first.",
)
@grouped
def list_(checking: Checking, output: Output, cluster: ClusterOption = None) -> None:
    """Show the backups, newest first. Their headers are checked, nothing is opened."""
    from swarmnet.report.reports.backups import backups_report

    targets = output.targets()
    entries = checking.listing(checking.vault(), cluster)
    targets.emit(backups_report(entries, checking.store().place))


@app.command(epilog="Example: swarmnet backup show latest", short_help="Show what a backup holds.")
@grouped
def show(source: OneBackup, output: Output, files_to: FilesTo = None) -> None:
    """Open a backup and show what it holds, and what can never come back. Without an identity, show its header.

    --files-to writes the playbook of a backup that was taken with --playbook.
    """
    from swarmnet.report.documents.backups import show_document
    from swarmnet.report.reports.backups import header_report, shown_report
    from swarmnet.report.terminal.backups import summary_lines
    from swarmnet.workflows.backup_lookup import checked_header, opened

    targets = output.targets()
    vault, store = source.vault(), source.store()
    entry = source.find(source.backup, vault)
    if not vault.can_open and files_to is None:
        checked_header(entry, repository=store, vault=vault)
        targets.emit(header_report(entry))
        note("only the header is shown: there is no identity to open it (--identity)")
        return
    if entry.header is not None and entry.header.is_raft:
        raft.show(entry, store, vault, targets)
        return
    document = opened(entry, repository=store, vault=vault)
    targets.emit(shown_report(show_document(document), summary_lines(document)))
    for line in write_files(document, files_to) if files_to is not None else ():
        note(line)


@app.command(epilog="Example: swarmnet backup check --all", short_help="Check signature and digest, and that it opens.")
@grouped
def check(
    source: OneBackup,
    output: Output,
    all_: Annotated[bool, typer.Option("--all", help="Every backup of the repository.")] = False,
) -> None:
    """Check signature and digest, and open the backup. Without an identity, opening stays unproven (exit 3)."""
    from swarmnet.report.documents.backups import BackupCheckDocument
    from swarmnet.report.reports.backups import checked_report
    from swarmnet.workflows.backup_lookup import check as check_backups

    targets = output.targets()
    store, vault = source.store(), source.vault()
    entries = source.listing(vault) if all_ else (source.find(source.backup, vault),)
    if not entries:
        raise BackupNotFoundError(f"no backup in {store.place}", hint="`swarmnet backup create` takes one")
    results = check_backups(entries, repository=store, vault=vault)
    document = BackupCheckDocument(schema_=1, backups=[_checked(one) for one in results])
    targets.emit(checked_report(document, [f"{one.entry.name}  {_word(one)}" for one in results]))
    problems = [one.problem.exit_code for one in results if one.problem is not None]
    if problems:
        raise typer.Exit(max(problems))
    if not all(one.opened for one in results):
        raise typer.Exit(ExitCode.INCOMPLETE)


def _word(one: Checked) -> str:
    if one.problem is not None:
        return f"FAILED: {one.problem.message}"
    return (
        "ok: opened and read"
        if one.opened
        else "signature and digest ok; not checked: that a recipient opens it, and what is inside (no identity here)"
    )


def _checked(one: Checked) -> CheckedEntry:
    from swarmnet.report.documents.backups import CheckedEntry, problem_entry

    return CheckedEntry(
        name=one.entry.name, path=one.entry.place, opened=one.opened, problem=problem_entry(one.problem)
    )


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared."""

    before: Annotated[str, typer.Argument(help="The older backup.", metavar="BACKUP")]
    after: Annotated[
        str, typer.Argument(help="The newer backup, or `live` (the default): the cluster now.", metavar="BACKUP|live")
    ] = LIVE


@app.command(
    epilog="Example: swarmnet backup diff latest live -i lab.yml",
    short_help="Show what differs between backups, or from live.",
)
@grouped
def diff(
    sides: Sides,
    opening: Opening,
    live: Live,
    moved: Moved,
    output: Output,
    show_values: ShowValuesOption = False,
) -> None:
    """Show what differs between two backups, or between a backup and the live cluster, by object and field.

    Exit 6: drift. Exit 3: some of it could not be compared.
    """
    from swarmnet.model.redaction import Cover
    from swarmnet.report.reports.backups import drift_report
    from swarmnet.workflows.backup import compare

    targets, before, after = output.targets(), sides.before, sides.after
    if after == LIVE:
        found, clusters = _against_live(opening, before, live.cluster(), moved)
    elif live.limit:
        raise UsageError("--limit works only with `live`, not between two backups")
    else:
        old, new = opening.document(before), opening.document(after)
        found, clusters = compare(moved.now(old), new, moved.hosts), (old.cluster, new.cluster)
    targets.emit(drift_report(found, Cover(shows=show_values), clusters))
    if found.differences:
        raise typer.Exit(ExitCode.PENDING)
    if found.unseen:
        raise typer.Exit(ExitCode.INCOMPLETE)


def _against_live(
    opening: Opening, before: str, cluster: LimitedCluster, moved: Moved
) -> tuple[Drift, tuple[str, str]]:
    from swarmnet.workflows.backup import compare_with_live

    hosts = cluster.read()
    old, names = moved.now(opening.document(before, cluster=hosts.cluster)), cluster.names(hosts)
    with cluster.observed(hosts) as ports:
        return compare_with_live(old, ports, moved.hosts, hosts=names), (old.cluster, hosts.cluster)


@app.command(
    epilog="Example: swarmnet backup prune --cluster prod --keep-last 3 --keep-daily 7 --keep-weekly 4 --yes",
    short_help="Remove the backups that no rule keeps.",
)
@grouped
def prune(
    cluster: Annotated[str, typer.Option("--cluster", metavar="NAME", help="The cluster whose backups to prune.")],
    keeping: Keeping,
    checking: Checking,
    output: Output,
    yes: YesOption = False,
) -> None:
    """Remove the backups that no rule keeps; without --yes, only show them. The newest complete backup always stays."""
    from swarmnet.report.documents.backups import BackupPruneDocument, KeptEntry
    from swarmnet.report.reports.backups import pruned_report
    from swarmnet.workflows.backup import prune as prune_backups

    targets = output.targets()
    doomed = prune_backups(
        keeping.rules(),
        cluster,
        repository=checking.searched(),
        vault=checking.vault(),
        now=datetime.now(UTC),
        remove=yes,
    )
    problems = [one.problem.exit_code for one in doomed if one.problem is not None]
    gone = [one.entry.name for one in doomed if one.problem is None]
    failed = [KeptEntry(name=one.entry.name, problem=str(one.problem)) for one in doomed if one.problem is not None]
    document = BackupPruneDocument(schema_=1, removed=yes, backups=gone, failed=failed)
    targets.emit(pruned_report(document, [_pruned(one, removed=yes) for one in doomed]))
    if not targets.on_stderr and not (doomed and yes):
        note("nothing was removed; add --yes to remove them" if doomed else "nothing to remove")
    if problems:
        raise typer.Exit(max(problems))


def _pruned(one: Pruned, *, removed: bool) -> str:
    if one.problem is not None:
        return f"FAILED {one.entry.name}: {one.problem.message}"
    return f"{'removed' if removed else 'would remove'} {one.entry.name}"
