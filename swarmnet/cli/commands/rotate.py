"""``swarmnet rotate``: new join tokens, a new CA, a new unlock key."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.commands.apply import end_with
from swarmnet.cli.options import Agreement, Cluster, grouped
from swarmnet.cli.output import Output
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.plan import Plan

    Planner = Callable[..., Plan]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet rotate tokens -i lab.yml"
KeyFileOption = Annotated[
    Path, typer.Option("--key-file", metavar="FILE", help="Write the new key to this file, which must not exist.")
]


@app.command(epilog="Example: swarmnet rotate tokens -i lab.yml", short_help="Replace both join tokens.")
@grouped
def tokens(cluster: Cluster, agreement: Agreement, output: Output) -> None:
    """Replace both join tokens, and wait until every manager accepts the new ones alone. Members stay."""
    from swarmnet.plan.rotate import rotated_tokens

    _run("tokens", (cluster, agreement, output), rotated_tokens)


@app.command(epilog="Example: swarmnet rotate ca -i lab.yml", short_help="Replace the CA and every certificate.")
@grouped
def ca(cluster: Cluster, agreement: Agreement, output: Output) -> None:
    """Replace the certificate authority, and wait until every node has a certificate of the new one."""
    from swarmnet.plan.rotate import rotated_ca

    _run("ca", (cluster, agreement, output), rotated_ca)


@app.command(
    "unlock-key",
    epilog="Example: swarmnet rotate unlock-key -i lab.yml --key-file new.key",
    short_help="Replace the unlock key.",
)
@grouped
def unlock_key(cluster: Cluster, agreement: Agreement, output: Output, key_file: KeyFileOption) -> None:
    """Replace the key of an autolocked swarm, and write the new one to a file that only you can read.

    Replace the file that `unlock_key_file` of the playbook names with it.
    """
    from swarmnet.plan.rotate import rotated_unlock_key

    if key_file.exists():
        raise UsageError(f"{key_file} exists, and no key is overwritten", hint="name a new file")
    _run("unlock-key", (cluster, agreement, output), partial(rotated_unlock_key, str(key_file)))


def _run(what: str, options: tuple[Cluster, Agreement, Output], planner: Planner) -> None:
    from swarmnet.plan.guard import Permissions
    from swarmnet.workflows.apply import Goal, apply
    from swarmnet.workflows.fleet.observe import Look

    cluster, agreement, output = options
    targets = output.targets()
    hosts = cluster.read()
    goal = Goal(partial(planner, inventory=hosts), Look(hosts=frozenset()), Permissions(), f"rotate {what}")
    with cluster.connected(hosts) as ports:
        report = apply(ports, goal, agreement.terms(on_stderr=targets.on_stderr, verbose=cluster.verbose))
    end_with(report, targets, f"rotate {what}")
