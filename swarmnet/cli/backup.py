"""``swarmnet backup``: take backups, look at them, check, compare and prune them."""

from __future__ import annotations

import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.choices import pairs
from swarmnet.cli.options import (
    JsonOption,
    LimitedCluster,
    LimitOption,
    ShowValuesOption,
    TimeoutOption,
    VerboseOption,
    YesOption,
    grouped,
)
from swarmnet.cli.sealing import (
    DEFAULT_REPOSITORY,
    Checking,
    ClusterOption,
    KeysOption,
    OneBackup,
    Opening,
    RepositoryOption,
    SignOption,
    SingleOption,
    sealing_vault,
)
from swarmnet.cli.streams import echo_json
from swarmnet.errors import BackupNotFoundError, ExitCode, UsageError
from swarmnet.report.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.edge.repository import DirectoryRepository
    from swarmnet.edge.vault import AgeVault
    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.backup import Checked, Taken

LIVE = "live"
"""In the place of a backup: the cluster as it is now."""

MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OLD=NEW", help="Which new host takes the place of which old one; repeat."),
]


@dataclass(frozen=True, slots=True)
class Sealing:
    """Where a backup goes, who can open it, and who signs it."""

    repository: RepositoryOption = DEFAULT_REPOSITORY
    keys: KeysOption = None
    recipient: Annotated[
        list[str] | None, typer.Option("--recipient", metavar="KEY", help="One more key that opens it.")
    ] = None
    sign_with: SignOption = None
    single_recipient: SingleOption = False

    def vault(self) -> AgeVault:
        """Return a vault that seals."""
        return sealing_vault(self.keys, self.recipient, self.sign_with, single_recipient=self.single_recipient)

    def store(self) -> DirectoryRepository:
        """Return the repository."""
        return Checking(self.repository).store()


@dataclass(frozen=True, slots=True)
class Live:
    """The live cluster, where one is compared."""

    inventory: Annotated[
        Path | None, typer.Option("--inventory", "-i", metavar="FILE", help="live: the hosts to look at.")
    ] = None
    limit: LimitOption = None
    timeout: TimeoutOption = None
    verbose: VerboseOption = False

    def look(self, inventory: Path) -> tuple[ClusterState, frozenset[str] | None]:
        """Return what is there now, and the names that the limit selects."""
        from swarmnet.workflows.observe import Look, observe  # noqa: PLC0415 - commands load what they need

        cluster = LimitedCluster(inventory, self.timeout, self.verbose, self.limit)
        hosts = cluster.read()
        names = cluster.names(hosts)
        with cluster.connected(hosts) as ports:
            return observe(ports, Look(containers=True, hosts=names)), names


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a rule keeps."""

    keep_last: Annotated[int, typer.Option("--keep-last", metavar="N", min=0, help="The newest so many.")] = 0
    keep_daily: Annotated[
        int, typer.Option("--keep-daily", metavar="N", min=0, help="The newest of each of so many days.")
    ] = 0
    keep_weekly: Annotated[
        int, typer.Option("--keep-weekly", metavar="N", min=0, help="The newest of each of so many weeks.")
    ] = 0


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet backup create -i lab.yml"


@app.command(
    epilog="Example: swarmnet backup create -i lab.yml --tag before-upgrade",
    short_help="Take a backup, sealed and opened once more.",
)
@grouped
def create(
    cluster: LimitedCluster,
    sealing: Sealing,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="WORD", help="A word to find it by; repeat.")
    ] = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Accept a partial one, even without a manager that answers.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read the cluster and the networks of all hosts, seal it, open it again, and only then write it.

    Exit 3: written, but marked partial since something did not answer, or --limit left it out; --allow-partial
    accepts that.
    """
    from swarmnet.workflows.backup import Order  # noqa: PLC0415 - commands load what they need
    from swarmnet.workflows.backup import create as take  # noqa: PLC0415 - as above
    from swarmnet.workflows.observe import Look, observe  # noqa: PLC0415 - as above

    vault, hosts = sealing.vault(), cluster.read()
    look = Look(containers=True, hosts=cluster.names(hosts))
    with cluster.connected(hosts) as ports:
        order = Order(
            cluster=hosts.cluster,
            backup_id=uuid.uuid4().hex,
            created=ports.clock.now(),
            tool=f"swarmnet {installed('swarmnet')}",
            tags=tuple(tag or ()),
            expected=tuple(host.name for host in hosts.hosts),
            allow_partial=allow_partial,
        )
        taken = take(
            order, lambda: observe(ports, look), vault=vault, repository=sealing.store(), listener=ports.listener
        )
    _show_taken(taken, as_json=as_json)
    if not taken.document.completeness.complete and not allow_partial:
        raise typer.Exit(ExitCode.INCOMPLETE)


def _show_taken(taken: Taken, *, as_json: bool) -> None:
    from swarmnet.report.backups import summary  # noqa: PLC0415 - as above

    if as_json:
        echo_json({**summary(taken.document), "path": str(taken.path), "size": taken.size})
        return
    completeness = taken.document.completeness
    word = "complete" if completeness.complete else "PARTIAL"
    say([f"{taken.path}  {taken.size} B  {word}"])
    say(f"  missing: {failure.host}: {failure.reason}" for failure in completeness.failures)


@app.command(
    "list",
    epilog="Example: swarmnet backup list --repository backups --json",
    short_help="Show the backups, newest first.",
)
@grouped
def list_(checking: Checking, cluster: ClusterOption = None, as_json: JsonOption = False) -> None:
    """Show the backups, newest first; their headers are checked, nothing is opened."""
    from swarmnet.report.backups import entry_json, entry_table  # noqa: PLC0415 - commands load what they need
    from swarmnet.report.text import Paint  # noqa: PLC0415 - as above
    from swarmnet.workflows.backup import listing  # noqa: PLC0415 - as above

    entries = listing(checking.store(), checking.vault(), cluster)
    if as_json:
        echo_json({"schema": 1, "backups": [entry_json(entry) for entry in entries]})
    elif entries:
        typer.echo(entry_table(entries, Paint.for_stream(sys.stdout)))
    else:
        typer.echo(f"no backups in {on_one_line(str(checking.repository))}; `swarmnet backup create` makes one")


@app.command(epilog="Example: swarmnet backup show latest", short_help="Show what a backup holds.")
@grouped
def show(source: OneBackup, as_json: JsonOption = False) -> None:
    """Open a backup and show what it holds, and what can never come back; without an identity, its header."""
    from swarmnet.report.backups import entry_json, entry_table, summary, summary_lines  # noqa: PLC0415 - as above
    from swarmnet.workflows.backup import with_header  # noqa: PLC0415 - as above

    vault, store = source.vault(), source.store()
    entry = store.find(source.backup)
    blob = store.read(entry)
    if not vault.can_open:
        vault.header(blob)
        entry = with_header(entry, store, vault)
        if as_json:
            echo_json({"schema": 1, "backup": entry_json(entry)})
        else:
            typer.echo(entry_table([entry]))
        typer.echo("only the header: no identity is at hand (--identity)", err=True)
        return
    document = vault.open(blob)
    if as_json:
        echo_json(summary(document))
    else:
        say(summary_lines(document))


@app.command(epilog="Example: swarmnet backup check --all", short_help="Check signature and digest, and that it opens.")
@grouped
def check(
    source: OneBackup,
    all_: Annotated[bool, typer.Option("--all", help="Every backup of the repository.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check signature and digest; open it when an identity is at hand, else say that this is unproven (exit 3)."""
    from swarmnet.workflows.backup import check as check_backups  # noqa: PLC0415 - as above

    store = source.store()
    entries = store.entries() if all_ else (store.find(source.backup),)
    if not entries:
        raise BackupNotFoundError(f"no backup in {source.repository}", hint="`swarmnet backup create` makes one")
    results = check_backups(entries, repository=store, vault=source.vault())
    if as_json:
        echo_json({"schema": 1, "backups": [_checked_json(one) for one in results]})
    else:
        say(f"{one.entry.name}  {_word(one)}" for one in results)
    problems = [one.problem.exit_code for one in results if one.problem is not None]
    if problems:
        raise typer.Exit(max(problems))
    if not all(one.opened for one in results):
        raise typer.Exit(ExitCode.INCOMPLETE)


def _word(one: Checked) -> str:
    if one.problem is not None:
        return f"FAILED: {one.problem.message}"
    return "ok: opened and read" if one.opened else "signature ok; decryptability unproven: no identity at hand"


def _checked_json(one: Checked) -> dict[str, object]:
    problem = None if one.problem is None else {"text": one.problem.message, "exit_code": one.problem.exit_code}
    return {"name": one.entry.name, "opened": one.opened, "problem": problem}


@app.command(
    epilog="Example: swarmnet backup diff latest live -i lab.yml",
    short_help="Show what differs between backups, or from live.",
)
@grouped
def diff(
    before: Annotated[str, typer.Argument(help="The older backup.", metavar="BACKUP")],
    opening: Opening,
    live: Live,
    after: Annotated[
        str, typer.Argument(help="The newer backup, or `live`: what is there now.", metavar="BACKUP|live")
    ] = "latest",
    map_: MapOption = None,
    show_values: ShowValuesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two backups, or a backup and the live cluster, by object and field.

    Exit 6: drift; 3: not all could be compared.
    """
    from swarmnet.model.redaction import Cover  # noqa: PLC0415 - as above
    from swarmnet.report.drift import drift_json, drift_lines  # noqa: PLC0415 - as above
    from swarmnet.workflows.backup import compare  # noqa: PLC0415 - as above

    if (after == LIVE) != (live.inventory is not None):
        raise UsageError("--inventory and `live` belong together", hint="swarmnet backup diff latest live -i INVENTORY")
    if live.limit and live.inventory is None:
        raise UsageError("--limit is for `live`: a backup holds what it holds")
    old = opening.document(before)
    new, hosts = (opening.document(after), None) if live.inventory is None else live.look(live.inventory)
    found = compare(old, new, pairs(map_ or []), hosts=hosts)
    if as_json:
        echo_json(drift_json(found, Cover(shows=show_values)))
    else:
        say(drift_lines(found, Cover(shows=show_values)))
    if found.differences:
        raise typer.Exit(ExitCode.PENDING)
    if found.unseen:
        raise typer.Exit(ExitCode.INCOMPLETE)


@app.command(
    epilog="Example: swarmnet backup export latest > cluster.json", short_help="Print a backup as JSON without secrets."
)
@grouped
def export(source: OneBackup, show_values: ShowValuesOption = False) -> None:
    """Print a backup as readable JSON, without config data and without values that may hold secrets.

    Hidden are values of environment variables, labels, commands, arguments and options; their names stay.
    """
    from swarmnet.model.redaction import Cover  # noqa: PLC0415 - as above
    from swarmnet.plan.redaction import redacted  # noqa: PLC0415 - as above

    exported = redacted(source.document(source.backup), Cover(shows=show_values))
    echo_json(exported, indent=2)


@app.command(
    epilog="Example: swarmnet backup prune --cluster prod --keep-last 3 --keep-daily 7 --keep-weekly 4 --yes",
    short_help="Remove what no rule keeps.",
)
@grouped
def prune(
    cluster: Annotated[str, typer.Option("--cluster", metavar="NAME", help="Whose backups.")],
    keeping: Keeping,
    checking: Checking,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what no rule keeps; without --yes only show it. The newest complete backup always stays."""
    from swarmnet.plan.retention import Keep  # noqa: PLC0415 - as above
    from swarmnet.workflows.backup import prune as prune_backups  # noqa: PLC0415 - as above

    doomed = prune_backups(
        Keep(last=keeping.keep_last, daily=keeping.keep_daily, weekly=keeping.keep_weekly),
        cluster,
        repository=checking.store(),
        vault=checking.vault(),
        now=datetime.now(UTC),
        remove=yes,
    )
    if as_json:
        echo_json({"schema": 1, "removed": yes, "backups": [entry.name for entry in doomed]})
        return
    say(f"{'removed' if yes else 'would remove'} {entry.name}" for entry in doomed)
    if not yes and doomed:
        typer.echo("nothing was removed; add --yes", err=True)


def say(lines: Iterable[str]) -> None:
    """Print lines that hold text from hosts and files."""
    for line in lines:
        typer.echo(on_one_line(line))
