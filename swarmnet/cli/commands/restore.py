"""``swarmnet restore``: bring a backup back onto these hosts, or onto others."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.commands.apply import show_report
from swarmnet.cli.commands.backup import MapOption, say
from swarmnet.cli.options import (
    Agreement,
    Cluster,
    JsonOption,
    LimitedCluster,
    MissingOption,
    ReplaceOption,
    ShowValuesOption,
    grouped,
    names_of,
)
from swarmnet.cli.restore_choices import given_secrets, pairs
from swarmnet.cli.sealing import BackupToRestore, OneHeader  # noqa: TC001 - typer reads them at run time
from swarmnet.cli.streams import echo_json
from swarmnet.errors import ExitCode, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.ports import Ports
    from swarmnet.model.report import Status
    from swarmnet.model.state import ClusterState
    from swarmnet.plan.guard import Permissions
    from swarmnet.workflows.restore import Restore

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet restore plan latest -i lab.yml"

VerifyOption = Annotated[bool, typer.Option("--verify/--no-verify", help="Prove the networks by traffic at the end.")]


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """What the operator decides about a restore."""

    map_: MapOption = None
    secrets_from: Annotated[
        str | None,
        typer.Option("--secrets-from", metavar="FILE.yml|env:PREFIX", help="Data of secrets, which no backup holds."),
    ] = None
    unlock_key_file: Annotated[
        str | None,
        typer.Option(
            "--unlock-key-file", metavar="FILE", help="Switch autolock on as the backup has it; its new key goes there."
        ),
    ] = None
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="KIND/NAME",
            help="Restore these alone, with what they need: service/web, 'network/shop_*'.",
        ),
    ] = None
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="KIND/NAME", help="Leave these out; exit 15 where they differ."),
    ] = None
    replace: ReplaceOption = None
    other_cluster: Annotated[
        bool,
        typer.Option("--other-cluster", help="Restore a backup of another cluster than the inventory's."),
    ] = False
    allow_partial: Annotated[bool, typer.Option("--allow-partial", help="Restore a backup that is marked partial.")] = (
        False
    )
    allow_missing: MissingOption = False

    def restore(self, document: BackupDocument, inventory: Inventory, limit: list[str] | None) -> Restore:
        """Return what onto which hosts.

        Raises:
            UsageError: the options make no sense with this backup and these hosts.
            RefusedError: the backup is another cluster's, and that was not allowed.
        """
        from swarmnet.plan.recovery.steps import Choices  # noqa: PLC0415 - commands load what they need
        from swarmnet.workflows.restore import Restore  # noqa: PLC0415 - as above

        which = _origin(document.id, document.created, document.cluster)
        if document.cluster != inventory.cluster and not self.other_cluster:
            raise RefusedError(
                f"this is {which}; the inventory names cluster {inventory.cluster}",
                hint="when you mean it: --other-cluster",
            )
        given = {} if self.secrets_from is None else given_secrets(self.secrets_from, document)
        choices = Choices(
            mapping=pairs(self.map_ or []),
            secrets=given,
            allow_partial=self.allow_partial,
            unlock_key_file=self.unlock_key_file,
            limit=wiring.limited(inventory, limit)[0],
            only=tuple(self.only or ()),
            exclude=tuple(self.exclude or ()),
        )
        return Restore(document, inventory, choices, which)

    def permissions(self) -> Permissions:
        """Return what the flags allow."""
        from swarmnet.plan.guard import Permissions  # noqa: PLC0415 - as above

        return Permissions(allow_missing=self.allow_missing, replace=names_of(self.replace))


@app.command(
    epilog="Example: swarmnet restore plan latest -i inventories/new.yml --map m1=n1",
    short_help="Show what a restore would do.",
)
@grouped
def plan(
    cluster: LimitedCluster,
    options: RestoreOptions,
    source: BackupToRestore,
    show_values: ShowValuesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a restore would do, what it would leave out, and what can never come back. Nothing is written.

    Exit 3: some hosts do not answer.
    """
    from swarmnet.model.losses import announced  # noqa: PLC0415 - as above
    from swarmnet.model.redaction import Cover  # noqa: PLC0415 - as above
    from swarmnet.report.terminal.plan import View, plan_json, plan_text  # noqa: PLC0415 - as above
    from swarmnet.report.terminal.restore import left_out  # noqa: PLC0415 - as above
    from swarmnet.report.terminal.text import Paint  # noqa: PLC0415 - as above
    from swarmnet.workflows.apply import prepare  # noqa: PLC0415 - as above

    hosts = cluster.read()
    document = source.document(source.backup, cluster=hosts.cluster)
    restore = options.restore(document, hosts, cluster.limit)
    with cluster.connected(hosts) as ports:
        prepared = prepare(ports, restore.goal(options.permissions()))
    skips, losses = restore.skips(prepared.state), announced(document)
    refused = [str(refusal) for refusal in prepared.refusals]
    view = View(Cover(shows=show_values), whole=cluster.verbose)
    if as_json:
        more: dict[str, object] = {"backup": _header(document), "refused": refused}
        more |= {"skips": [one.model_dump() for one in skips], "losses": [one.model_dump() for one in losses]}
        echo_json({**plan_json(prepared.plan, prepared.state, view.cover, os.urandom(16)), **more})
    else:
        typer.echo(plan_text(prepared.plan, prepared.state, Paint.for_stream(sys.stdout), view))
        say(left_out(skips, losses))
        for text in refused:
            wiring.say(f"apply would refuse: {text}")
    if prepared.state.failures:
        raise typer.Exit(ExitCode.INCOMPLETE)


@app.command(
    epilog="Example: swarmnet restore apply latest -i inventories/new.yml --secrets-from env:RESTORE_",
    short_help="Bring the backup back, then verify.",
)
@grouped
def apply(
    cluster: LimitedCluster,
    options: RestoreOptions,
    source: BackupToRestore,
    agreement: Agreement,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Bring the backup back: open it, show the plan, ask, do it, look again, prove the networks by traffic.

    What is there and equal is left alone, so an interrupted restore is run again. Exit 15: restored, some things were
    left out; 16: restored, but the networks do not work.
    """
    from swarmnet.report.terminal.restore import report_lines  # noqa: PLC0415 - as above
    from swarmnet.workflows.restore import run  # noqa: PLC0415 - as above

    hosts = cluster.read()
    document = source.document(source.backup, cluster=hosts.cluster)
    restore = options.restore(document, hosts, cluster.limit)
    with cluster.connected(hosts) as ports:
        terms, prove = agreement.terms(on_stderr=as_json, verbose=cluster.verbose), _prove(ports) if verify else None
        report = run(ports, restore, terms, permissions=options.permissions(), prove=prove)
    if as_json:
        echo_json({"schema": 1, **report.model_dump(mode="json"), "exit_code": report.exit_code})
    else:
        say(report_lines(report))
    raise typer.Exit(report.exit_code)


app.command(
    "resume",
    short_help="Go on with an interrupted restore.",
    help="Go on with an interrupted restore: the same as `restore apply`, which leaves alone what is back already.",
    epilog="Example: swarmnet restore resume latest -i inventories/new.yml",
)(apply)


@app.command(
    epilog="Example: swarmnet restore undo latest -i inventories/new.yml", short_help="Take back what a restore made."
)
@grouped
def undo(
    cluster: Cluster,
    source: OneHeader,
    agreement: Agreement,
    allow_missing: MissingOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take back what the restore of this backup made where nothing was before, and only that.

    What it replaced, node labels and the swarm itself stay; networks, configs and secrets that others use by now, too.
    What was made bears the backup's id, which is signed and not sealed: no identity is needed.
    """
    from swarmnet.workflows.restore import take_back  # noqa: PLC0415 - as above

    hosts = cluster.read()
    header = source.header(source.backup, cluster=hosts.cluster)
    which = _origin(header.id, header.created, header.cluster)
    with cluster.connected(hosts) as ports:
        terms = agreement.terms(on_stderr=as_json, verbose=cluster.verbose)
        report = take_back(ports, hosts, header.id, terms, allow_missing=allow_missing, origin=which)
    show_report(report, as_json=as_json)


def _origin(backup: str, created: datetime, cluster: str) -> str:
    from swarmnet.report.terminal.backups import origin  # noqa: PLC0415 - as above

    return origin(backup, created, cluster, datetime.now(UTC))


def _header(document: BackupDocument) -> dict[str, str]:
    return {"id": document.id, "created": document.created.isoformat(), "cluster": document.cluster}


def _prove(ports: Ports) -> Callable[[ClusterState], Status]:
    from rich.console import Console  # noqa: PLC0415 - as above

    from swarmnet.cli.commands.verify import this_run  # noqa: PLC0415 - as above
    from swarmnet.edge.operator.probe_image import packed  # noqa: PLC0415 - as above
    from swarmnet.model.report import Status  # noqa: PLC0415 - as above
    from swarmnet.report.terminal.verification import show  # noqa: PLC0415 - as above
    from swarmnet.verify.scenarios import ALL  # noqa: PLC0415 - as above
    from swarmnet.verify.story import VerifyOptions, verify  # noqa: PLC0415 - as above

    run = this_run()

    def prove(state: ClusterState) -> Status:
        result = verify(ports, state, VerifyOptions(ALL), kit=packed(), run=run)
        if result.status is not Status.OK:
            # On stderr, since stdout belongs to the report: what does not work, and the cause of it.
            show(Console(stderr=True, highlight=False), result)
        return result.status

    return prove
