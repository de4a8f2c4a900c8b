"""``swarmnet restore``: restore a backup onto these hosts, or onto others."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.commands import raft
from swarmnet.cli.commands.apply import end_with
from swarmnet.cli.options import (
    Agreement,
    Cluster,
    LimitedCluster,
    MissingOption,
    ShowValuesOption,
    grouped,
)
from swarmnet.cli.output import Output
from swarmnet.cli.restore_options import RestoreOptions, apply_command, origin_of
from swarmnet.cli.safety import Safety
from swarmnet.cli.sealing import BackupToRestore, IdentityOption, KeysOption, NoBackupOption, OneHeader, TrustOption
from swarmnet.cli.sources import FilesTo, write_files
from swarmnet.cli.wiring import note
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.ports import Ports
    from swarmnet.model.report import Status
    from swarmnet.model.state import ClusterState

app = typer.Typer(rich_markup_mode=None)
EXAMPLE = "swarmnet restore plan latest -i lab.yml"

_TYPED = "COMMANDLINE"
"""What the parser calls the source of an option that was typed, as opposed to a variable's."""


@dataclass(frozen=True, slots=True)
class Looking:
    """Where the page looks for backups and keys."""

    repository: Annotated[
        str | None,
        typer.Option(
            "--repository",
            metavar="DIR|URL",
            help="Look for backups there alone: a directory, a stick, sftp:// or s3://.",
            envvar="SWARMNET_REPOSITORY",
        ),
    ] = None
    keys: KeysOption = None
    identity: IdentityOption = None
    trust: TrustOption = None


VerifyOption = Annotated[bool, typer.Option("--verify/--no-verify", help="Prove the networks by traffic at the end.")]


@dataclass(frozen=True, slots=True)
class Around:
    """What is done before and after a restore."""

    verify: VerifyOption = True
    no_backup: NoBackupOption = False
    files_to: FilesTo = None


@app.callback(invoke_without_command=True)
@grouped
def page(context: typer.Context, looking: Looking, output: Output) -> None:
    """Restore a backup onto these hosts, or onto others. Alone, it says what a restore needs and what of it is here.

    It looks for backups in the repository, the working directory and where schedules write, tries the available keys,
    and prints the next command. Nothing is written, and no host is asked. Exit 3: no available key opens a backup.
    """
    from swarmnet.cli.at_hand import at_hand
    from swarmnet.report.reports.at_hand import at_hand_report

    if context.invoked_subcommand is not None:
        _refuse_early(context, context.invoked_subcommand)
        return
    targets = output.targets()
    found = at_hand(looking.repository, looking.keys, looking.identity, looking.trust)
    targets.emit(at_hand_report(found, datetime.now(UTC)))
    if not found.is_ready:
        raise typer.Exit(ExitCode.INCOMPLETE)


def _refuse_early(context: typer.Context, verb: str) -> None:
    """Refuse options before the verb, which would be those of the page and do nothing."""
    sources = (context.get_parameter_source(name) for name in context.params)
    if any(source is not None and source.name == _TYPED for source in sources):
        raise UsageError(
            f"options of `swarmnet restore {verb}` come after that word",
            hint=f"swarmnet restore {verb} ..., then the options",
        )


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
    """Show what a restore would do, what it would skip, what can never come back, and what you have to bring along.

    Nothing is written. The last line is the command that carries it out. Exit 3: some hosts do not answer.
    """
    from swarmnet.model.losses import announced
    from swarmnet.model.redaction import Cover
    from swarmnet.plan.recovery.supplies import supplies
    from swarmnet.report.documents.plan import RestorePlanDocument, plan_body
    from swarmnet.report.documents.restore import backup_name, loss_entries, skip_entries, supply_entries
    from swarmnet.report.reports.plan import plan_report
    from swarmnet.report.terminal.plan import View, plan_lines
    from swarmnet.report.terminal.restore import Outlook, outlook_lines
    from swarmnet.workflows.apply import prepare

    targets, hosts = output.targets(), cluster.read()
    document = source.document(source.backup, cluster=hosts.cluster)
    restore = options.restore(document, hosts, cluster.limit)
    with cluster.observed(hosts) as ports:
        prepared = prepare(ports, restore.goal(options.permissions()))
    skips, losses = prepared.plan.skips, announced(document)
    needed = supplies(restore.restoration(prepared.state), prepared.state, restore.choices)
    command = apply_command(cluster, options, source, dict(restore.choices.mapping))
    refused = [str(refusal) for refusal in prepared.refusals]
    view = View(Cover(shows=show_values), whole=cluster.verbose)

    def body() -> RestorePlanDocument:
        return RestorePlanDocument(
            **dict(plan_body(prepared.plan, prepared.state, view.cover, os.urandom(16))),
            backup=backup_name(document),
            refused=refused,
            skips=skip_entries(skips),
            losses=loss_entries(losses),
            supplies=supply_entries(needed),
            next=command,
        )

    outlook = Outlook(losses, needed, command, is_refused=bool(refused))
    lines = (*plan_lines(prepared.plan, prepared.state, view), *outlook_lines(prepared.plan, outlook))
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
    around: Around,
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
    notes = () if around.files_to is None else write_files(document, around.files_to)
    with cluster.observed(hosts) as ports:
        terms, prove = (
            agreement.terms(on_stderr=targets.on_stderr, verbose=cluster.verbose),
            _prove(ports) if around.verify else None,
        )
        safety = Safety(no_backup=around.no_backup, repository=source.repository, keys=source.keys)
        terms = replace(terms, safeguard=safety.before(Reason.PRE_RESTORE))
        report = run(ports, restore, terms, permissions=options.permissions(), prove=prove)
    targets.emit(restore_report(report))
    for line in notes:
        note(line)
    raise typer.Exit(report.exit_code)


app.command(
    "raft",
    epilog=f"Example: {raft.BROUGHT}",
    short_help="Bring a swarm back from a raft archive, secrets included.",
)(raft.bring)
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
    which = origin_of(header.id, header.created, header.cluster)
    with cluster.observed(hosts) as ports:
        terms = agreement.terms(on_stderr=targets.on_stderr, verbose=cluster.verbose)
        report = take_back(ports, hosts, header.id, terms, allow_missing=allow_missing, origin=which)
    end_with(report, targets, "restore undo")


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
