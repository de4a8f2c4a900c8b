"""``swarmnet engine``: engines of hosts, from the packages of their own sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.commands.apply import end_with
from swarmnet.cli.options import Agreement, AllowDownOption, Cluster, grouped, names_of
from swarmnet.cli.output import Output
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory
    from swarmnet.plan.engines import EngineWish

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet engine upgrade -i lab.yml --dry-run"
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+:~-]{0,99}")

HostsArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Hosts of the inventory; left out, all of them.", metavar="[HOST]...", show_default=False),
]


@dataclass(frozen=True, slots=True)
class Engines:
    """Which engine, and how far to go."""

    version: Annotated[
        str | None,
        typer.Option(
            "--version",
            metavar="V",
            help="Engine such as 26.1 or 26.1.5, or a package's whole version; left out, what apt would take.",
            show_default=False,
        ),
    ] = None
    refresh: Annotated[
        bool, typer.Option("--refresh", help="First let the hosts fetch the lists of their package sources.")
    ] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, and change nothing.")] = False

    def wish(self, hosts: list[str] | None, inventory: Inventory, *, installs: bool) -> EngineWish:
        """Return what is asked for.

        Raises:
            UsageError: a host is not in the inventory, or the version is none.
        """
        from swarmnet.model.packages import PackageQuestion
        from swarmnet.plan.engines import EngineWish

        if self.version is not None and _VERSION.fullmatch(self.version) is None:
            raise UsageError(f"--version: {self.version!r} is not a version", hint="such as 26.1 or 26.1.5")
        named = frozenset(inventory.host(name).name for name in hosts or ())
        wanted = named or frozenset(host.name for host in inventory.hosts)
        return EngineWish(PackageQuestion(wanted, self.version, installs), named=bool(named))


@app.command(
    epilog="Example: swarmnet engine install -i lab.yml w3", short_help="Install engines where there are none."
)
@grouped
def install(
    cluster: Cluster, engines: Engines, agreement: Agreement, output: Output, hosts: HostsArgument = None
) -> None:
    """Install an engine on each host that has none, from the host's own package sources, and start it.

    Where the sources have docker-ce, that is taken, else docker.io of Debian or Ubuntu. No source is added. The hosts
    join a swarm by `swarmnet apply`.
    """
    _run("install", hosts, (cluster, engines, agreement, output))


@app.command(epilog=f"Example: {EXAMPLE}", short_help="Replace engines by newer ones, host by host.")
@grouped
def upgrade(
    cluster: Cluster,
    engines: Engines,
    agreement: Agreement,
    output: Output,
    hosts: HostsArgument = None,
    allow_down: AllowDownOption = None,
) -> None:
    """Replace engines by newer ones, one host after the other: managers first, the leader last, then workers.

    Of each: its tasks move to other nodes, its packages change, its engine is restarted; when the node is ready, it
    gets the availability back that it had. The run stops at the first host that fails; run again, it goes on there.
    Refused where the managers would lose their quorum, for downgrades, snaps, rootless engines, and systems other than
    Debian and Ubuntu.
    """
    _run("upgrade", hosts, (cluster, engines, agreement, output), allow_down=allow_down)


def _run(
    verb: str,
    hosts: list[str] | None,
    options: tuple[Cluster, Engines, Agreement, Output],
    *,
    allow_down: list[str] | None = None,
) -> None:
    from swarmnet.workflows.apply import prepare
    from swarmnet.workflows.engines import change_engines, engine_goal
    from swarmnet.workflows.fleet.packages import refresh

    cluster, engines, agreement, output = options
    targets, inventory = output.targets(), cluster.read()
    wish = engines.wish(hosts, inventory, installs=verb == "install")
    goal = engine_goal(wish, inventory, allow_down=names_of(allow_down))
    with cluster.connected(inventory) as ports:
        if engines.refresh:
            refresh(ports, sorted(wish.asked.hosts))
        if engines.dry_run:
            from swarmnet.cli.commands.plan import emit_plan

            prepared = prepare(ports, goal)
            emit_plan(prepared, targets, show_values=agreement.show_values, whole=cluster.verbose)
            silent = any(one.host in wish.asked.hosts for one in prepared.state.failures)
            raise typer.Exit(ExitCode.INCOMPLETE if silent and verb == "upgrade" else ExitCode.DONE)
        report = change_engines(ports, goal, agreement.terms(on_stderr=targets.on_stderr, verbose=cluster.verbose))
    end_with(report, targets, f"engine {verb}")
