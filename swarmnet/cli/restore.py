"""``swarmnet restore``: bring a backup back onto these hosts, or onto others."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.backup import BackupArgument, say
from swarmnet.cli.choices import given_secrets, pairs
from swarmnet.cli.options import InventoryOption, JsonOption, VerboseOption, YesOption  # noqa: TC001 - as above
from swarmnet.cli.sealing import (
    DEFAULT_REPOSITORY,
    IdentityOption,
    KeysOption,
    RepositoryOption,
    TrustOption,
    opening_vault,
    repository,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.ports import Ports
    from swarmnet.model.report import Status
    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.restore import Restore

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OLD=NEW", help="Which new host takes the place of which old one; repeat."),
]
SecretsOption = Annotated[
    str | None,
    typer.Option("--secrets-from", metavar="FILE.yml|env:PREFIX", help="Data of secrets, which no backup holds."),
]
PartialOption = Annotated[bool, typer.Option("--allow-partial", help="Restore a backup that is marked partial.")]
MissingOption = Annotated[bool, typer.Option("--allow-missing", help="Go on without hosts that do not answer.")]
WaitOption = Annotated[
    float, typer.Option("--lock-wait", metavar="SECONDS", min=0, help="How long to wait for another operator's lock.")
]
VerifyOption = Annotated[bool, typer.Option("--verify/--no-verify", help="Prove the networks by traffic at the end.")]


@app.command(epilog="Example: swarmnet restore plan latest -i inventories/new.yml --map m1=n1")
def plan(
    inventory: InventoryOption,
    backup: BackupArgument = "latest",
    map_: MapOption = None,
    secrets_from: SecretsOption = None,
    allow_partial: PartialOption = False,
    repository_: RepositoryOption = DEFAULT_REPOSITORY,
    keys: KeysOption = None,
    identity: IdentityOption = None,
    trust: TrustOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show what a restore would do, what it would leave out, and what can never come back. Nothing is written."""
    from swarmnet.plan.guard import Permissions  # noqa: PLC0415 - commands load what they need
    from swarmnet.report.plan import plan_json, plan_text  # noqa: PLC0415 - as above
    from swarmnet.report.restore import left_out  # noqa: PLC0415 - as above
    from swarmnet.workflows.apply import prepare  # noqa: PLC0415 - as above

    hosts = wiring.read_inventory(inventory)
    document = _opened(backup, hosts, repository_, opening=(keys, identity, trust))
    restore = _restore(document, hosts, map_, secrets_from, allow_partial=allow_partial)
    with wiring.connected(hosts, verbose=verbose) as ports:
        prepared = prepare(ports, restore.goal(Permissions()))
    skips = restore.restoration(prepared.state).skips
    if as_json:
        more = {"skips": [one.model_dump() for one in skips], "losses": [one.model_dump() for one in document.losses]}
        typer.echo(json.dumps(plan_json(prepared.plan, prepared.state) | more))
        return
    typer.echo(plan_text(prepared.plan, prepared.state))
    say(left_out(skips, document.losses))


@app.command(epilog="Example: swarmnet restore apply latest -i inventories/new.yml --secrets-from env:RESTORE_")
def apply(
    inventory: InventoryOption,
    backup: BackupArgument = "latest",
    map_: MapOption = None,
    secrets_from: SecretsOption = None,
    allow_partial: PartialOption = False,
    allow_missing: MissingOption = False,
    verify: VerifyOption = True,
    lock_wait: WaitOption = 0.0,
    repository_: RepositoryOption = DEFAULT_REPOSITORY,
    keys: KeysOption = None,
    identity: IdentityOption = None,
    trust: TrustOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Bring the backup back: open it, show the plan, ask, do it, look again, prove the networks by traffic.

    Exit 15: restored, some things were left out; 16: restored, but the networks do not work.
    """
    from swarmnet.cli.consent import AtTerminal  # noqa: PLC0415 - as above
    from swarmnet.plan.guard import Permissions  # noqa: PLC0415 - as above
    from swarmnet.report.restore import report_lines  # noqa: PLC0415 - as above
    from swarmnet.workflows.apply import Terms  # noqa: PLC0415 - as above
    from swarmnet.workflows.restore import run  # noqa: PLC0415 - as above

    hosts = wiring.read_inventory(inventory)
    document = _opened(backup, hosts, repository_, opening=(keys, identity, trust))
    restore = _restore(document, hosts, map_, secrets_from, allow_partial=allow_partial)
    consent = AtTerminal(yes=yes, on_stderr=as_json)
    with wiring.connected(hosts, verbose=verbose) as ports:
        terms = Terms(consent=consent, operator=wiring.this_operator(), stop=wiring.Interruption(), lock_wait=lock_wait)
        permissions = Permissions(allow_missing=allow_missing)
        report = run(ports, restore, terms, permissions=permissions, prove=_prove(ports) if verify else None)
    if as_json:
        typer.echo(json.dumps({"schema": 1, **report.model_dump(mode="json"), "exit_code": report.exit_code}))
    else:
        say(report_lines(report))
    raise typer.Exit(report.exit_code)


def _opened(
    backup: str,
    inventory: Inventory,
    root: Path,
    *,
    opening: tuple[Path | None, list[Path] | None, list[str] | None],
) -> BackupDocument:
    """Return the document; ends the command with 10, 12, 13 or 14 before any host is connected."""
    from swarmnet.workflows.backup import opened  # noqa: PLC0415 - as above

    return opened(backup, repository=repository(root), vault=opening_vault(*opening), cluster=inventory.cluster)


def _restore(
    document: BackupDocument,
    inventory: Inventory,
    mapping: list[str] | None,
    secrets_from: str | None,
    *,
    allow_partial: bool,
) -> Restore:
    from swarmnet.plan.restore import Choices  # noqa: PLC0415 - as above
    from swarmnet.workflows.restore import Restore  # noqa: PLC0415 - as above

    given = {} if secrets_from is None else given_secrets(secrets_from, document)
    return Restore(document, inventory, Choices(pairs(mapping or []), given, allow_partial=allow_partial))


def _prove(ports: Ports) -> Callable[[ClusterState], Status]:
    from rich.console import Console  # noqa: PLC0415 - as above

    from swarmnet.cli.verify import this_run  # noqa: PLC0415 - as above
    from swarmnet.edge.probe_image import packed  # noqa: PLC0415 - as above
    from swarmnet.model.report import Status  # noqa: PLC0415 - as above
    from swarmnet.report.matrix import show  # noqa: PLC0415 - as above
    from swarmnet.scenarios import ALL  # noqa: PLC0415 - as above
    from swarmnet.workflows.verify import Wish, verify  # noqa: PLC0415 - as above

    run = this_run()

    def prove(state: ClusterState) -> Status:
        result = verify(ports, state, Wish(ALL), kit=packed(), run=run)
        if result.status is not Status.OK:
            # On stderr, since stdout belongs to the report: what does not work, and the cause of it.
            show(Console(stderr=True, highlight=False), result)
        return result.status

    return prove
