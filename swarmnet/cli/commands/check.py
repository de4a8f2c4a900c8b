"""``swarmnet check``: hosts before they are touched: every pair, both ways, and what the hosts themselves lack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import LimitedCluster, ProbeArchiveOption, ProbeImageOption, VariableOption, grouped
from swarmnet.cli.output import Output
from swarmnet.errors import ExitCode

if TYPE_CHECKING:
    from swarmnet.verify.scenario import Scenario

EXAMPLE = "swarmnet check -i lab.yml"
WAIT = 60.0
"""Seconds that one wait for containers or their answers may take, unless --timeout says otherwise."""
EXITS = {"failed": ExitCode.FAILED, "inconclusive": ExitCode.INCOMPLETE}
PlaybookArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[PLAYBOOK]",
        help="Also check what this playbook needs: its ports, pools and subnets, and whether overlays are encrypted.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is checked, and in which image."""

    var: VariableOption = None
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CHECK", help="Only this check; repeatable, or with commas."),
    ] = None
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="CHECK", help="Not this check; repeatable, or with commas.")
    ] = None
    probe_image: ProbeImageOption = None
    probe_archive: ProbeArchiveOption = None
    keep_image: Annotated[bool, typer.Option("--keep-image", help="Keep the probe's image on the hosts.")] = False


@grouped
def command(cluster: LimitedCluster, chosen: Chosen, output: Output, playbook: PlaybookArgument = None) -> None:
    """Check hosts before anything is touched: what a swarm sends, by real packets between all pairs, and each host.

    Hosts need no swarm; for those that are in one, it works, too. Nothing stays on them.

    Exit: 0 ready, warnings included; 1 something is wrong; 3 something could not be checked.
    """
    from swarmnet.cli.commands.verify import book_of
    from swarmnet.cli.probes import probe_kit, this_run
    from swarmnet.cli.wiring import logging_in, this_operator
    from swarmnet.model.verification import Keep, Phase
    from swarmnet.report.reports.check import check_report
    from swarmnet.verify.checks.planned import planned_of
    from swarmnet.verify.checks.story import CheckOptions, check
    from swarmnet.workflows.fleet.observe import WITH_DATA_PATHS, observe

    targets = output.targets()
    wanted = checks(chosen.only, chosen.skip)
    kit = probe_kit(chosen.probe_image, chosen.probe_archive)
    hosts = cluster.read()
    within = cluster.names(hosts)
    book = book_of(playbook, hosts, chosen.var)
    names = tuple(host.name for host in hosts.members if within is None or host.name in within)
    with logging_in(cluster.connected(hosts), [host.name for host in hosts.hosts]) as ports:
        begun = ports.clock.monotonic()
        state = observe(ports, WITH_DATA_PATHS)
        seen = Phase(name="observe", seconds=round(ports.clock.monotonic() - begun, 3))
        keep = Keep.ALWAYS if chosen.keep_image else Keep.AS_FOUND
        planned = planned_of(hosts, state, None if book is None else [step.operation for step in book.steps])
        wish = CheckOptions(wanted, planned, names, keep=keep, timeout=cluster.timeout or WAIT)
        result = check(ports, state, wish, kit=kit, run=this_run(this_operator()), before=(seen,))
    targets.emit(check_report(result, verbose=cluster.verbose))
    raise typer.Exit(EXITS.get(result.status, ExitCode.DONE))


def checks(only: list[str] | None, skip: list[str] | None) -> tuple[Scenario, ...]:
    """Return the checks that the options select; each option is repeatable and takes commas.

    Raises:
        UsageError: there is no check of that name, or none is left.
    """
    from swarmnet.cli.selection import selected
    from swarmnet.verify.checks import CHECKS

    return selected(CHECKS, "check", (only, skip))
