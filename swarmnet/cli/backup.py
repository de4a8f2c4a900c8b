"""``swarmnet backup``: take backups, look at them, check, compare and prune them."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import InventoryOption, JsonOption, VerboseOption, YesOption  # noqa: TC001 - as above
from swarmnet.cli.sealing import (
    DEFAULT_REPOSITORY,
    ClusterOption,
    IdentityOption,
    KeysOption,
    RepositoryOption,
    TrustOption,
    opening_vault,
    repository,
    sealing_vault,
)
from swarmnet.errors import BackupNotFoundError, ExitCode, UsageError
from swarmnet.report.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.backup import Checked, Taken

LIVE = "live"
"""In the place of a backup: the cluster as it is now."""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

BackupArgument = Annotated[
    str, typer.Argument(help="A path, `latest`, or the beginning of a name or id.", metavar="BACKUP")
]


@app.command(epilog="Example: swarmnet backup create -i inventories/lab.yml --tag before-upgrade")
def create(
    inventory: InventoryOption,
    keys: KeysOption = None,
    repository_: RepositoryOption = DEFAULT_REPOSITORY,
    recipient: Annotated[list[str] | None, typer.Option("--recipient", help="One more key that opens it.")] = None,
    sign_with: Annotated[
        Path | None, typer.Option("--sign-with", help="Ed25519 private key; default: the key directory's.")
    ] = None,
    single_recipient: Annotated[
        bool, typer.Option("--single-recipient", help="Allow that one key alone opens it.")
    ] = False,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="A word to find it by; repeat.")] = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Accept a partial one, even without a manager that answers.")
    ] = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Read the cluster and the networks of all hosts, seal it, open it again, and only then write it.

    Exit 3: written, but marked partial since something did not answer; --allow-partial accepts that.
    """
    from swarmnet.cli import wiring  # noqa: PLC0415 - commands load what they need
    from swarmnet.workflows.backup import Order  # noqa: PLC0415 - as above
    from swarmnet.workflows.backup import create as take  # noqa: PLC0415 - as above
    from swarmnet.workflows.observe import Look, observe  # noqa: PLC0415 - as above

    vault = sealing_vault(keys, recipient, sign_with, single_recipient=single_recipient)
    hosts = wiring.read_inventory(inventory)
    with wiring.connected(hosts, verbose=verbose) as ports:
        order = Order(
            cluster=hosts.cluster,
            backup_id=uuid.uuid4().hex,
            created=ports.clock.now(),
            tool=f"swarmnet {installed('swarmnet')}",
            tags=tuple(tag or ()),
            allow_partial=allow_partial,
        )
        store = repository(repository_)
        taken = take(
            order,
            lambda: observe(ports, Look(containers=True)),
            vault=vault,
            repository=store,
            listener=ports.listener,
        )
    _show_taken(taken, as_json=as_json)
    if not taken.document.completeness.complete and not allow_partial:
        raise typer.Exit(ExitCode.INCOMPLETE)


def _show_taken(taken: Taken, *, as_json: bool) -> None:
    from swarmnet.report.backups import summary  # noqa: PLC0415 - as above

    if as_json:
        typer.echo(json.dumps({**summary(taken.document), "path": str(taken.path), "size": taken.size}))
        return
    completeness = taken.document.completeness
    word = "complete" if completeness.complete else "PARTIAL"
    say([f"{taken.path}  {taken.size} B  {word}"])
    say(f"  missing: {failure.host}: {failure.reason}" for failure in completeness.failures)


@app.command("list", epilog="Example: swarmnet backup list --repository backups --json")
def list_(
    repository_: RepositoryOption = DEFAULT_REPOSITORY,
    cluster: ClusterOption = None,
    keys: KeysOption = None,
    trust: TrustOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the backups, newest first; their headers are checked, nothing is opened."""
    from swarmnet.report.backups import entry_json, entry_line  # noqa: PLC0415 - commands load what they need
    from swarmnet.workflows.backup import listing  # noqa: PLC0415 - as above

    entries = listing(repository(repository_), opening_vault(keys, None, trust), cluster)
    if as_json:
        typer.echo(json.dumps({"schema": 1, "backups": [entry_json(entry) for entry in entries]}))
    else:
        say(entry_line(entry) for entry in entries)


@app.command(epilog="Example: swarmnet backup show latest")
def show(
    backup: BackupArgument = "latest",
    repository_: RepositoryOption = DEFAULT_REPOSITORY,
    keys: KeysOption = None,
    identity: IdentityOption = None,
    trust: TrustOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a backup and show what it holds, and what can never come back; without an identity, its header."""
    from swarmnet.report.backups import entry_json, entry_line, summary, summary_lines  # noqa: PLC0415 - as above
    from swarmnet.workflows.backup import with_header  # noqa: PLC0415 - as above

    vault, store = opening_vault(keys, identity, trust), repository(repository_)
    entry = store.find(backup)
    blob = store.read(entry)
    if not vault.can_open:
        vault.header(blob)
        entry = with_header(entry, store, vault)
        say([json.dumps({"schema": 1, "backup": entry_json(entry)}) if as_json else entry_line(entry)])
        typer.echo("only the header: no identity is at hand (--identity)", err=True)
        return
    document = vault.open(blob)
    if as_json:
        typer.echo(json.dumps(summary(document)))
    else:
        say(summary_lines(document))


@app.command(epilog="Example: swarmnet backup check --all")
def check(
    backup: BackupArgument = "latest",
    all_: Annotated[bool, typer.Option("--all", help="Every backup of the repository.")] = False,
    repository_: RepositoryOption = DEFAULT_REPOSITORY,
    keys: KeysOption = None,
    identity: IdentityOption = None,
    trust: TrustOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check signature and digest; open it when an identity is at hand, else say that this is unproven (exit 3)."""
    from swarmnet.workflows.backup import check as check_backups  # noqa: PLC0415 - as above

    store = repository(repository_)
    entries = store.entries() if all_ else (store.find(backup),)
    if not entries:
        raise BackupNotFoundError(f"no backup in {repository_}", hint="`swarmnet backup create` makes one")
    results = check_backups(entries, repository=store, vault=opening_vault(keys, identity, trust))
    if as_json:
        typer.echo(json.dumps({"schema": 1, "backups": [_checked_json(one) for one in results]}))
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


@app.command(epilog="Example: swarmnet backup diff latest live -i inventories/lab.yml")
def diff(
    before: Annotated[str, typer.Argument(help="The older backup.")],
    after: Annotated[str, typer.Argument(help="The newer backup, or `live`: what is there now.")] = "latest",
    inventory: Annotated[Path | None, typer.Option("--inventory", "-i", help="live: the hosts to look at.")] = None,
    repository_: RepositoryOption = DEFAULT_REPOSITORY,
    keys: KeysOption = None,
    identity: IdentityOption = None,
    trust: TrustOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show what differs between two backups, or a backup and the live cluster, by object and field.

    Exit 6: drift; 3: not all could be compared.
    """
    from swarmnet.report.drift import drift_lines  # noqa: PLC0415 - as above
    from swarmnet.workflows.backup import compare, opened  # noqa: PLC0415 - as above

    if (after == LIVE) != (inventory is not None):
        raise UsageError("--inventory and `live` belong together", hint="swarmnet backup diff latest live -i INVENTORY")
    vault, store = opening_vault(keys, identity, trust), repository(repository_)
    old = opened(before, repository=store, vault=vault)
    new = opened(after, repository=store, vault=vault) if inventory is None else _live(inventory, verbose=verbose)
    found = compare(old, new)
    if as_json:
        typer.echo(json.dumps({"schema": 1, **found.model_dump(mode="json")}))
    else:
        say(drift_lines(found))
    if found.differences:
        raise typer.Exit(ExitCode.PENDING)
    if found.unseen:
        raise typer.Exit(ExitCode.INCOMPLETE)


def _live(inventory: Path, *, verbose: bool) -> ClusterState:
    from swarmnet.cli import wiring  # noqa: PLC0415 - as above
    from swarmnet.workflows.observe import Look, observe  # noqa: PLC0415 - as above

    with wiring.connected(wiring.read_inventory(inventory), verbose=verbose) as ports:
        return observe(ports, Look(containers=True))


@app.command(epilog="Example: swarmnet backup export latest > cluster.json")
def export(
    backup: BackupArgument = "latest",
    repository_: RepositoryOption = DEFAULT_REPOSITORY,
    keys: KeysOption = None,
    identity: IdentityOption = None,
    trust: TrustOption = None,
) -> None:
    """Print a backup as readable JSON, without config data and without values that look like secrets."""
    from swarmnet.plan.redaction import redacted  # noqa: PLC0415 - as above
    from swarmnet.workflows.backup import opened  # noqa: PLC0415 - as above

    vault = opening_vault(keys, identity, trust)
    document = opened(backup, repository=repository(repository_), vault=vault)
    typer.echo(json.dumps(redacted(document), indent=2, sort_keys=True))


@app.command(epilog="Example: swarmnet backup prune --cluster prod --keep-last 3 --keep-daily 7 --keep-weekly 4 --yes")
def prune(
    cluster: Annotated[str, typer.Option("--cluster", help="Whose backups.")],
    keep_last: Annotated[int, typer.Option("--keep-last", min=0)] = 0,
    keep_daily: Annotated[int, typer.Option("--keep-daily", min=0)] = 0,
    keep_weekly: Annotated[int, typer.Option("--keep-weekly", min=0)] = 0,
    repository_: RepositoryOption = DEFAULT_REPOSITORY,
    keys: KeysOption = None,
    trust: TrustOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what no rule keeps; without --yes only show it. The newest complete backup always stays."""
    from swarmnet.plan.retention import Keep  # noqa: PLC0415 - as above
    from swarmnet.workflows.backup import prune as prune_backups  # noqa: PLC0415 - as above

    doomed = prune_backups(
        Keep(last=keep_last, daily=keep_daily, weekly=keep_weekly),
        cluster,
        repository=repository(repository_),
        vault=opening_vault(keys, None, trust),
        now=datetime.now(UTC),
        remove=yes,
    )
    if as_json:
        typer.echo(json.dumps({"schema": 1, "removed": yes, "backups": [entry.name for entry in doomed]}))
        return
    say(f"{'removed' if yes else 'would remove'} {entry.name}" for entry in doomed)
    if not yes and doomed:
        typer.echo("nothing was removed; add --yes", err=True)


def say(lines: Iterable[str]) -> None:
    """Print lines that hold text from hosts and files."""
    for line in lines:
        typer.echo(printable(line))
