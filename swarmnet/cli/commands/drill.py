"""``swarmnet drill``: rehearse a restore, and keep the signed report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from swarmnet.cli.options import (
    Agreement,
    AllowDownOption,
    Cluster,
    LogFileOption,
    TimeoutOption,
    VerboseOption,
    YesOption,
    grouped,
    names_of,
)
from swarmnet.cli.output import Output
from swarmnet.cli.repositories import RepositoryOption
from swarmnet.cli.sealing import BackupToRestore, ClusterOption, KeysOption, SignOption, TrustOption
from swarmnet.cli.timing import RtoOption
from swarmnet.cli.wiring import note
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from swarmnet.cli.drills import Opened
    from swarmnet.cli.stages import Given
    from swarmnet.lab.spec import KernelWish
    from swarmnet.model.base import Secret

DEFAULT = "restore"


class Verbs(TyperGroup):
    """The verbs of ``drill``: without one, it rehearses the restore of what is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own classes are private
        """Read the words; ``swarmnet drill latest`` is short for ``swarmnet drill restore latest``."""
        if args and args[0] not in {*self.commands, "--help", "-h"}:
            args = [DEFAULT, *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


app = typer.Typer(cls=Verbs, no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet drill restore latest"

ReportsOption = Annotated[
    Path | None,
    typer.Option(
        "--reports",
        metavar="DIR",
        help="Directory of the reports; default: `drills` next to the backup.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Where:
    """The hosts of a drill."""

    hosts: Annotated[
        int | None,
        typer.Option(
            "--hosts",
            metavar="N",
            min=1,
            help="How many hosts the lab has; default: as many as the backup.",
            show_default=False,
        ),
    ] = None
    kernel: Annotated[
        str,
        typer.Option(
            "--kernel",
            metavar="KIND",
            help="Kernels of the lab's hosts: shared, own, or auto, which proves all on any machine.",
        ),
    ] = "auto"
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            metavar="VERSION",
            help="Engine of the lab's hosts; default: not older than the backup's.",
            show_default=False,
        ),
    ] = None
    on: Annotated[
        Path | None,
        typer.Option(
            "--on",
            metavar="INVENTORY",
            help="Use these spare hosts instead of a lab: in no swarm, and empty.",
            show_default=False,
        ),
    ] = None
    keep: Annotated[bool, typer.Option("--keep", help="Leave what was restored, to look at it.")] = False
    timeout: TimeoutOption = None
    verbosity: VerboseOption = 0
    log_file: LogFileOption = None

    def given(self) -> Given:
        """Return the hosts that were asked for.

        Raises:
            UsageError: options that cannot be combined, or no such kernel.
        """
        from swarmnet.cli.stages import Given

        return Given(
            on=self.on,
            hosts=self.hosts,
            kernel=_kernel(self.kernel),
            engine=self.engine,
            keep=self.keep,
            timeout=self.timeout,
            verbosity=self.verbosity,
            log_file=self.log_file,
        )


def _kernel(word: str) -> KernelWish:
    match word:
        case "shared" | "own" | "auto":
            return word
        case _:
            raise UsageError(f"--kernel {word} is not a kind of host", hint="choose from shared, own, auto")


@dataclass(frozen=True, slots=True)
class What:
    """What of the backup is rehearsed."""

    cluster: ClusterOption = None
    secrets_from: Annotated[
        str | None,
        typer.Option(
            "--secrets-from",
            metavar="FILE.yml|env:PREFIX",
            help="Values of secrets; in a lab, others get one of no meaning.",
        ),
    ] = None
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="KIND/NAME", help="Leave these out; the report says so.")
    ] = None
    rto: RtoOption = None

    @property
    def target(self) -> float | None:
        """Seconds that the recovery may take."""
        return None if self.rto is None else self.rto * 60

    def secrets(self, found: Opened) -> dict[str, Secret]:
        """Return the values that were given.

        Raises:
            UsageError: others can read the file, or it names a secret that is not in the backup.
        """
        from swarmnet.cli.restore_choices import given_secrets

        return {} if self.secrets_from is None else given_secrets(self.secrets_from, found.document)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the report goes, and who signs it."""

    sign_with: SignOption = None
    reports: ReportsOption = None


@app.command(
    "restore",
    epilog="Example: swarmnet drill restore latest --hosts 3 --kernel shared",
    short_help="Restore a backup into a throw-away lab, prove it, keep a signed report.",
)
@grouped
def restore(
    source: BackupToRestore,
    where: Where,
    what: What,
    output: Output,
    kept: Kept,
    yes: YesOption = False,
) -> None:
    """Rehearse a restore: into a lab, or onto spare hosts (--on), with proof by traffic; then take it all down again.

    What came back is compared with the backup: a difference that nothing announces fails the drill. The report (JSON,
    signed, with pages for people) tells the recovery time by parts (RTO) and the backup's age (RPO).

    Exit 1: something was lost or failed, or it took longer than --rto. Exit 16: the networks do not work. Exit 3: not
    all could be proved.
    """
    from swarmnet.cli.drills import Chosen, opened, rehearsed, written
    from swarmnet.cli.sealing import signing_key
    from swarmnet.edge.backups.drill_reports import check_place
    from swarmnet.report.documents.drill import drill_document
    from swarmnet.report.reports.drill import drill_report

    targets, given, key = output.targets(), where.given(), signing_key(source.keys, kept.sign_with)
    vault = source.vault()
    found = opened(source.find(source.backup, vault, cluster=what.cluster), source.store(), vault, kept.reports)
    check_place(found.folder)
    begun = datetime.now(UTC)
    chosen = Chosen(what.secrets(found), tuple(what.exclude or ()), what.target)
    report = rehearsed(given, chosen, found, begun=begun, yes=yes)
    document = drill_document(report)
    targets.emit(drill_report(document))
    path = written(report, document, found.folder, key)
    note(f"report: {path}, signed, with .md and .html next to it")
    raise typer.Exit(report.exit_code)


@app.command("list", epilog="Example: swarmnet drill list --json", short_help="Show the drills that were done.")
@grouped
def list_(
    output: Output,
    repository: RepositoryOption = "",
    keys: KeysOption = None,
    trust: TrustOption = None,
    cluster: ClusterOption = None,
    reports: ReportsOption = None,
) -> None:
    """Show the drills whose reports are kept, newest first: result, times, and whether the signature is valid.

    Exit 13: a report was changed after it was signed, or cannot be read.
    """
    from swarmnet.cli.drills import kept_drills
    from swarmnet.cli.repositories import or_default
    from swarmnet.cli.sealing import key_ring, trusted_signers
    from swarmnet.report.reports.drill import drills_report

    targets = output.targets()
    trusted = {signer.key for signer in trusted_signers(key_ring(keys), trust)}
    found = kept_drills(repository if reports else or_default(repository), reports, trusted, cluster)
    targets.emit(drills_report(found))
    if found.unreadable or any(one.signature in ("wrong", "missing") for one in found.drills):
        raise typer.Exit(ExitCode.DAMAGED)


@app.command(
    epilog="Example: swarmnet drill lose w1 -i lab.yml",
    short_help="Drain nodes of a running cluster for a while, and measure what it costs.",
)
@grouped
def lose(
    word: Annotated[
        str,
        typer.Argument(
            help="A host, or LABEL=VALUE: all hosts with that node label.",
            metavar="HOST|LABEL=VALUE",
            show_default=False,
        ),
    ],
    cluster: Cluster,
    agreement: Agreement,
    output: Output,
    allow_down: AllowDownOption = None,
    allow_quorum: Annotated[
        bool, typer.Option("--allow-quorum", help="Also drain managers whose loss would stop the swarm.")
    ] = False,
) -> None:
    """Drain nodes, ask every published TCP port from here all the while, and let the nodes take tasks again.

    It is refused where all tasks of a service run there, or where the swarm needs these managers. The nodes come back
    after an error and after Ctrl-C, too. Exit 3: no published port answers from here, so nothing was measured.
    """
    from swarmnet.cli.drills import terms
    from swarmnet.edge.operator.requests import RequestCounter
    from swarmnet.report.documents.drill import lose_document
    from swarmnet.report.reports.drill import lose_report
    from swarmnet.workflows.lose import Wish, lose

    targets, hosts = output.targets(), cluster.read()
    wish = Wish(word, allow_quorum=allow_quorum, allow_down=names_of(allow_down))
    asking = partial(agreement.terms, on_stderr=targets.on_stderr, verbose=cluster.verbose)
    with cluster.observed(hosts) as ports:
        report = lose(ports, wish, asking, terms, RequestCounter())
    targets.emit(lose_report(lose_document(report)))
    raise typer.Exit(report.exit_code)
