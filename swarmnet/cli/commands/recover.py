"""``swarmnet recover``: bring a swarm back of which the engines are left, and no majority."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.commands.apply import end_with
from swarmnet.cli.options import Agreement, Cluster, grouped, names_of
from swarmnet.cli.output import Output
from swarmnet.cli.sealing import KeysOption, key_ring
from swarmnet.cli.wiring import note
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from swarmnet.edge.backups.keys import Recipient

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet recover quorum -i lab.yml --from m2 --lost m1 --lost m3"

FromOption = Annotated[
    str, typer.Option("--from", metavar="HOST", help="The manager that is left, from which the swarm begins again.")
]
LostOption = Annotated[
    list[str] | None,
    typer.Option(
        "--lost",
        metavar="HOST",
        help="Manager that is dead for good, or switched off, and does not answer; repeatable, or with commas.",
    ),
]
ArchiveOption = Annotated[
    Path | None,
    typer.Option(
        "--archive",
        metavar="FILE",
        help="First copy the swarm's state of HOST into FILE, sealed for the recipients of the key directory;"
        " `age -d` opens it.",
    ),
]


@dataclass(frozen=True, slots=True)
class Archive:
    """Where the state goes that a swarm begins again from, and who can open it."""

    archive: ArchiveOption = None
    keys: KeysOption = None

    def recipients(self) -> tuple[Recipient, ...]:
        """Return the recipients of the archive, none without one.

        Raises:
            UsageError: there is no recipient, or the file exists.
        """
        if self.archive is None:
            return ()
        if self.archive.exists():
            raise UsageError(f"{self.archive} exists; no archive is overwritten", hint="name another file")
        ring = key_ring(self.keys)
        found = tuple(ring.recipients())
        if not found:
            raise UsageError(
                f"no recipients in {ring.directory} to seal {self.archive} for", hint="run `swarmnet keys init`"
            )
        return found


@app.callback()
def _several() -> None:
    """Let the command have verbs although it has but one."""


@app.command(epilog=f"Example: {EXAMPLE}", short_help="Restart the swarm from one manager.")
@grouped
def quorum(
    cluster: Cluster,
    agreement: Agreement,
    output: Output,
    survivor: FromOption,
    archive: Archive,
    lost: LostOption = None,
) -> None:
    """Begin the swarm again from one manager when a majority of its managers is gone for good.

    Services, networks, configs, secrets and workers stay. The other managers' entries are removed; those that answer
    leave the old swarm and join again, and so does a lost one that comes back, when you run the same command again.

    Refused while a majority answers or could, where another manager that is left has a newer log, and for autolocked
    swarms, which engines cannot begin again.
    """
    from swarmnet.edge.backups.archives import SealedArchives
    from swarmnet.plan.quorum import Wish
    from swarmnet.workflows.recover import recover

    targets = output.targets()
    hosts = cluster.read()
    named = names_of(lost)
    for name in (survivor, *sorted(named)):
        hosts.host(name)
    if survivor in named:
        raise UsageError(f"{survivor} is lost and to begin from", hint="name another manager with --from")
    recipients, file = archive.recipients(), archive.archive
    wish = Wish(survivor, frozenset(named), None if file is None else str(file))
    with cluster.connected(hosts) as ports:
        ports.archives = SealedArchives(recipients)
        report = recover(ports, wish, agreement.terms(on_stderr=targets.on_stderr, verbose=cluster.verbose))
    if not report.outcomes:
        note(f"{survivor} answers for the swarm; nothing is left to be recovered")
    elif report.exit_code == 0:
        note(f"next: swarmnet verify -i {cluster.inventory}")
    end_with(report, targets, "recover quorum")
