"""``swarmnet restore``: restore a backup onto these hosts, or onto others."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.commands.apply import end_with
from swarmnet.cli.commands.backup import MapOption
from swarmnet.cli.options import (
    Agreement,
    Cluster,
    LimitedCluster,
    MissingOption,
    ReplaceOption,
    ShowValuesOption,
    grouped,
    names_of,
)
from swarmnet.cli.output import Output
from swarmnet.cli.restore_choices import given_secrets, pairs
from swarmnet.cli.safety import Safety
from swarmnet.cli.sealing import BackupToRestore, NoBackupOption, OneHeader
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
    """The operator's choices for a restore."""

    map_: MapOption = None
    secrets_from: Annotated[
        str | None,
        typer.Option("--secrets-from", metavar="FILE.yml|env:PREFIX", help="Values of secrets, which no backup holds."),
    ] = None
    unlock_key_file: Annotated[
        str | None,
        typer.Option(
            "--unlock-key-file", metavar="FILE", help="Turn autolock on as in the backup; its new key is written there."
        ),
    ] = None
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="KIND/NAME",
            help="Restore only these, with what they need: service/web, 'network/shop_*'.",
        ),
    ] = None
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="KIND/NAME", help="Skip these; exit 15 where they differ."),
    ] = None
    replace: ReplaceOption = None
    other_cluster: Annotated[
        bool,
        typer.Option("--other-cluster", help="Restore a backup of a cluster with another name."),
    ] = False
    allow_partial: Annotated[bool, typer.Option("--allow-partial", help="Restore a backup that is marked partial.")] = (
        False
    )
    allow_missing: MissingOption = False

    def restore(self, document: BackupDocument, inventory: Inventory, limit: list[str] | None) -> Restore:
        """Return what onto which hosts.

        Raises:
            UsageError: the options do not fit this backup and these hosts.
            RefusedError: the backup is of another cluster, and that was not allowed.
        """
        from swarmnet.plan.recovery.steps import Choices
        from swarmnet.workflows.restore import Restore

        which = _origin(document.id, document.created, document.cluster)
        if document.cluster != inventory.cluster and not self.other_cluster:
            raise RefusedError(
                f"this is {which}; the inventory names cluster {inventory.cluster}",
                hint="to allow this, add --other-cluster",
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
        from swarmnet.plan.guard import Permissions

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
    output: Output,
    show_values: ShowValuesOption = False,
) -> None:
    """Show what a restore would do, what it would skip, and what can never come back. Nothing is written.

    Exit 3: some hosts do not answer.
    """
    from swarmnet.model.losses import announced
    from swarmnet.model.redaction import Cover
    from swarmnet.report.documents.plan import RestorePlanDocument, plan_body
    from swarmnet.report.documents.restore import backup_name, loss_entries, skip_entries
    from swarmnet.report.reports.plan import plan_report
    from swarmnet.report.terminal.plan import View, plan_lines
    from swarmnet.report.terminal.restore import left_out
    from swarmnet.workflows.apply import prepare

    targets, hosts = output.targets(), cluster.read()
    document = source.document(source.backup, cluster=hosts.cluster)
    restore = options.restore(document, hosts, cluster.limit)
    with cluster.observed(hosts) as ports:
        prepared = prepare(ports, restore.goal(options.permissions()))
    skips, losses = prepared.plan.skips, announced(document)
    refused = [str(refusal) for refusal in prepared.refusals]
    view = View(Cover(shows=show_values), whole=cluster.verbose)
    body = RestorePlanDocument(
        **dict(plan_body(prepared.plan, prepared.state, view.cover, os.urandom(16))),
        backup=backup_name(document),
        refused=refused,
        skips=skip_entries(skips),
        losses=loss_entries(losses),
    )
    lines = (*plan_lines(prepared.plan, prepared.state, view), *left_out(skips, losses))
    targets.emit(plan_report(prepared.plan, body, lines, failures=prepared.state.failures, refused=refused))
    if not targets.on_stderr:
        for text in refused:
            wiring.note(f"apply would refuse: {text}")
    if prepared.state.failures:
        raise typer.Exit(ExitCode.INCOMPLETE)


@app.command(
    epilog="Example: swarmnet restore apply latest -i inventories/new.yml --secrets-from env:RESTORE_",
    short_help="Restore the backup, then verify.",
)
@grouped
def apply(
    cluster: LimitedCluster,
    options: RestoreOptions,
    source: BackupToRestore,
    agreement: Agreement,
    output: Output,
    verify: VerifyOption = True,
    no_backup: NoBackupOption = False,
) -> None:
    """Restore a backup: open it, show the plan, ask, do it, look again, prove the networks by traffic.

    Objects that are equal already are left alone, so you can run an interrupted restore again. What is there is saved
    first, where you have keys. Exit 15: restored, some objects were skipped. Exit 16: restored, but the networks do not
    work.
    """
    from swarmnet.model.backup import Reason
    from swarmnet.report.reports.restore import restore_report
    from swarmnet.workflows.restore import run

    targets, hosts = output.targets(), cluster.read()
    document = source.document(source.backup, cluster=hosts.cluster)
    restore = options.restore(document, hosts, cluster.limit)
    with cluster.observed(hosts) as ports:
        terms, prove = (
            agreement.terms(on_stderr=targets.on_stderr, verbose=cluster.verbose),
            _prove(ports) if verify else None,
        )
        safety = Safety(no_backup=no_backup, repository=source.repository, keys=source.keys)
        terms = replace(terms, safeguard=safety.before(Reason.PRE_RESTORE))
        report = run(ports, restore, terms, permissions=options.permissions(), prove=prove)
    targets.emit(restore_report(report))
    raise typer.Exit(report.exit_code)


app.command(
    "resume",
    short_help="Continue an interrupted restore.",
    help="Continue an interrupted restore: the same as `restore apply`, which leaves alone what is back already.",
    epilog="Example: swarmnet restore resume latest -i inventories/new.yml",
)(apply)


@app.command(
    epilog="Example: swarmnet restore undo latest -i inventories/new.yml", short_help="Remove what a restore created."
)
@grouped
def undo(
    cluster: Cluster,
    source: OneHeader,
    agreement: Agreement,
    output: Output,
    allow_missing: MissingOption = False,
) -> None:
    """Remove what the restore of this backup created where nothing was before, and only that.

    What it replaced, node labels and the swarm itself stay; so do networks, configs and secrets that other services use
    by now. No identity is needed: created objects carry the backup's id as a label.
    """
    from swarmnet.workflows.restore import take_back

    targets, hosts = output.targets(), cluster.read()
    header = source.header(source.backup, cluster=hosts.cluster)
    which = _origin(header.id, header.created, header.cluster)
    with cluster.observed(hosts) as ports:
        terms = agreement.terms(on_stderr=targets.on_stderr, verbose=cluster.verbose)
        report = take_back(ports, hosts, header.id, terms, allow_missing=allow_missing, origin=which)
    end_with(report, targets, "restore undo")


def _origin(backup: str, created: datetime, cluster: str) -> str:
    from swarmnet.report.terminal.backups import origin

    return origin(backup, created, cluster, datetime.now(UTC))


def _prove(ports: Ports) -> Callable[[ClusterState], Status]:
    from swarmnet.cli.probes import this_run
    from swarmnet.cli.wiring import this_operator
    from swarmnet.edge.operator.probe_image import packed
    from swarmnet.model.report import Status
    from swarmnet.report.terminal.console import console_for
    from swarmnet.report.terminal.verification import show
    from swarmnet.verify.scenarios import ALL
    from swarmnet.verify.story import VerifyOptions, verify

    run = this_run(this_operator())

    def prove(state: ClusterState) -> Status:
        result = verify(ports, state, VerifyOptions(ALL), kit=packed(), run=run)
        if result.status is not Status.OK:
            # On stderr, since stdout belongs to the report: what does not work, and why.
            show(console_for(sys.stderr), result)
        return result.status

    return prove
