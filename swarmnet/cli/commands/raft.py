"""``swarmnet backup raft`` and ``swarmnet restore raft``: a manager's whole state, secrets included."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.commands.apply import end_with
from swarmnet.cli.options import Agreement, Cluster, YesOption, grouped, names_of
from swarmnet.cli.output import Output
from swarmnet.cli.repositories import RepositoryOption
from swarmnet.cli.sealing import (
    Checking,
    IdentityOption,
    KeysOption,
    SignOption,
    SingleOption,
    TrustOption,
    opening_vault,
    sealing_vault,
)
from swarmnet.cli.wiring import confirm_cluster, note, this_operator

if TYPE_CHECKING:
    from swarmnet.cli.output import Targets
    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.edge.backups.vault import AgeVault
    from swarmnet.model.base import Secret
    from swarmnet.model.sealed import Entry, Repository
    from swarmnet.plan.recovery.raft import Source

TAKEN = "swarmnet backup raft -i lab.yml --from m3 --yes"
BROUGHT = "swarmnet restore raft latest -i lab.yml"


PauseOption = Annotated[
    int,
    typer.Option(
        "--stopped-at-most",
        metavar="SECONDS",
        min=10,
        max=3600,
        help="The host starts its engine again after this time, whatever happens to this run.",
    ),
]


@dataclass(frozen=True, slots=True)
class RaftSealing:
    """Where an archive goes, who can open it, and who signs it."""

    repository: RepositoryOption = ""
    keys: KeysOption = None
    sign_with: SignOption = None
    single_recipient: SingleOption = False

    def vault(self) -> AgeVault:
        """Return a vault that seals."""
        return sealing_vault(self.keys, None, self.sign_with, single_recipient=self.single_recipient)

    def store(self) -> DirectoryRepository:
        """Return the repository."""
        return Checking(self.repository).writable()


@dataclass(frozen=True, slots=True)
class RaftOpening(Checking):
    """Which archive is meant, whose signatures count, and what opens it."""

    backup: Annotated[
        str,
        typer.Argument(help="A path, `latest` (of the raft archives), or the start of a name or id.", metavar="BACKUP"),
    ] = "latest"
    identity: IdentityOption = None
    trust: TrustOption = None

    def vault(self) -> AgeVault:
        """Return a vault that checks, and opens if an identity is available."""
        return opening_vault(self.keys, self.identity, self.trust)


@dataclass(frozen=True, slots=True)
class Stop:
    """Which manager's engine is stopped, and for how long."""

    manager: Annotated[
        str | None,
        typer.Option("--from", metavar="HOST", help="The manager to stop; default: the one whose stop costs least."),
    ] = None
    allow_outage: Annotated[
        bool, typer.Option("--allow-outage", help="Stop it even if no majority of managers is left meanwhile.")
    ] = False
    stopped_at_most: PauseOption = 300


@grouped
def take(
    cluster: Cluster,
    sealing: RaftSealing,
    output: Output,
    stop: Stop,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="WORD", help="A word to find it by; repeatable.")
    ] = None,
    yes: YesOption = False,
) -> None:
    """Archive the whole state of the swarm, secrets included: stop one manager's engine, read its folder, start it.

    Never the leader where another one can be taken. The containers of that host stop with its engine; their services
    start them elsewhere. What is read goes sealed into the repository, and in clear onto no disk.

    The host starts its engine by itself if this machine dies. Exit 5: without that manager, no majority is left.
    """
    targets = output.targets()
    store, vault, hosts = sealing.store(), sealing.vault(), cluster.read()

    with cluster.observed(hosts) as ports:
        import uuid
        from importlib.metadata import version as installed

        from swarmnet.model.backup import Reason
        from swarmnet.report.documents.raft import raft_document
        from swarmnet.report.reports.raft import raft_lines, raft_report
        from swarmnet.workflows.raft import RaftOrder, archive

        order = RaftOrder(
            backup_id=uuid.uuid4().hex,
            created=ports.clock.now(),
            tool=f"swarmnet {installed('swarmnet')}",
            reason=Reason.MANUAL,
            manager=stop.manager,
            tags=tuple(tag or ()),
            allow_outage=stop.allow_outage,
            pause=stop.stopped_at_most,
        )
        taken = archive(
            ports,
            order,
            vault=vault,
            repository=store,
            operator=this_operator(),
            agree=partial(_agree, hosts.cluster, yes),
        )
    document = raft_document(taken.manifest, str(taken.path), taken.size, seconds=taken.seconds)
    targets.emit(raft_report("raft", document, raft_lines(document)))


def _agree(cluster: str, yes: bool, chosen: Source) -> None:
    what = f"stop the engine of {chosen.host}{', the leader,' if chosen.leads else ''} for some seconds"
    if chosen.tasks:
        what += f" ({chosen.tasks} {'task runs' if chosen.tasks == 1 else 'tasks run'} there)"
    if yes:
        note(f"{chosen.host}: its engine is stopped for some seconds")
    else:
        confirm_cluster(cluster, what)


@dataclass(frozen=True, slots=True)
class Managers:
    """Where the swarm begins again, without whom, and what unlocks it."""

    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="HOST", help="The host; default: the one that the archive is of. It needs the same address."
        ),
    ] = None
    lost: Annotated[
        list[str] | None,
        typer.Option(
            "--lost",
            metavar="HOST",
            help="Manager that is dead for good, or switched off, and does not answer; repeatable, or with commas.",
        ),
    ] = None
    key_file: Annotated[
        str | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            help="Key of an autolocked swarm; - reads stdin. Default: SWARMNET_UNLOCK_KEY, or it is asked for.",
        ),
    ] = None

    def unlock_key(self) -> Secret | None:
        """Return the key from a file, the environment or the terminal, never from an argument, which others can see."""
        import os
        import sys

        from swarmnet.cli.commands.unlock import read_key
        from swarmnet.cli.wiring import passphrase
        from swarmnet.model.base import Secret

        if self.key_file is not None:
            return read_key(self.key_file)
        if found := os.environ.get("SWARMNET_UNLOCK_KEY", "").strip():
            return Secret(found)
        return passphrase("unlock key of the swarm:") if sys.stdin.isatty() else None


@grouped
def bring(
    cluster: Cluster,
    source: RaftOpening,
    agreement: Agreement,
    output: Output,
    managers: Managers,
) -> None:
    """Bring a swarm back from the archived state of a manager, secrets included, on a host with the same address.

    The host begins the same swarm again as its only manager; other managers of the inventory that are in no swarm join
    it. Run an interrupted restore again.

    Refused where engines cannot: another address, an older engine, an autolocked swarm of several managers, a host that
    is in a swarm. Exit 12: the key does not unlock it.
    """
    from swarmnet.edge.backups.archives import RaftArchives
    from swarmnet.plan.recovery.raft import RaftWish
    from swarmnet.workflows.backup_lookup import find, opened_raft
    from swarmnet.workflows.raft import bring_back

    targets, hosts = output.targets(), cluster.read()
    to, named, vault, store = managers.to, names_of(managers.lost), source.vault(), source.searched(source.backup)
    for name in (*([to] if to else []), *sorted(named)):
        hosts.host(name)
    entry = find(source.backup, repository=store, vault=vault, cluster=hosts.cluster, raft=True).entry
    manifest = opened_raft(entry, repository=store, vault=vault)
    wish = RaftWish(manifest, entry.place, hosts.host(to or manifest.host).name, named)
    key = managers.unlock_key() if manifest.autolock and not manifest.others else None
    with cluster.connected(hosts) as ports:
        ports.archives = RaftArchives(entry, store, vault)
        terms = agreement.terms(on_stderr=targets.on_stderr, verbose=cluster.verbose)
        report = bring_back(ports, wish, terms, key=key)
    if not report.outcomes:
        note(f"{wish.host} answers for the swarm; nothing is left to be restored")
    elif report.exit_code == 0:
        note(f"next: swarmnet verify -i {cluster.inventory}")
    end_with(report, targets, "restore raft")


def show(entry: Entry, store: Repository, vault: AgeVault, targets: Targets) -> None:
    """Show what a raft archive tells about itself."""
    from swarmnet.report.documents.raft import raft_document
    from swarmnet.report.reports.raft import raft_lines, raft_report
    from swarmnet.workflows.backup_lookup import opened_raft

    manifest = opened_raft(entry, repository=store, vault=vault)
    document = raft_document(manifest, entry.place, entry.size)
    targets.emit(raft_report("show", document, raft_lines(document)))
