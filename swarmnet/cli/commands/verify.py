"""``swarmnet verify``: prove that the networks work; name the cause where they do not."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import (
    LONGEST_WAIT,
    LimitedCluster,
    ProbeArchiveOption,
    ProbeImageOption,
    VariableOption,
    grouped,
    names_of,
)
from swarmnet.cli.output import Output
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.verification import Level, ProbeKit, Verification
    from swarmnet.operations.playbook import Playbook
    from swarmnet.verify.scenario import Scenario
    from swarmnet.verify.story import VerifyOptions

PlaybookArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="PLAYBOOK",
        help="Test the overlays that this playbook defines, or its services are on, and what it expects.",
        show_default=False,
    ),
]
SettleOption = Annotated[
    float,
    typer.Option(
        "--settle",
        metavar="SECONDS",
        help="Seconds to keep retrying a failing pair or name.",
        min=0.5,
        max=LONGEST_WAIT,
    ),
]
EXAMPLE = "swarmnet verify playbooks/site.yml -i lab.yml"
WAIT = 60.0
"""Seconds that one wait for probes or their answers may take, unless --timeout says otherwise."""
EXITS = {
    "failed": ExitCode.FAILED,
    "inconclusive": ExitCode.INCOMPLETE,
}
"""By the words of ``model.report.Status``; all other outcomes are success."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is tested."""

    var: VariableOption = None
    network: Annotated[
        list[str] | None,
        typer.Option("--network", metavar="NAME", help="Test this overlay; repeatable, or with commas."),
    ] = None
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="SCENARIO", help="Only this scenario; repeatable, or with commas."),
    ] = None
    skip: Annotated[
        list[str] | None,
        typer.Option("--skip", metavar="SCENARIO", help="Not this scenario; repeatable, or with commas."),
    ] = None
    level: Annotated[
        str | None,
        typer.Option(
            "--level", metavar="LEVEL", help="How much is proved: quick, standard or full; full unless it is given."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Probe:
    """The probes: their image, and how long they try."""

    probe_image: ProbeImageOption = None
    probe_archive: ProbeArchiveOption = None
    no_keep: Annotated[
        bool,
        typer.Option("--no-keep", help="Remove the probe's image from the hosts, so that the next run loads it again."),
    ] = False
    settle: SettleOption = 10.0


@dataclass(frozen=True, slots=True)
class Files:
    """What else is written, and read."""

    junit: Annotated[
        Path | None,
        typer.Option(
            "--junit", metavar="FILE", help="Also write the verdicts as JUnit XML; short for --format junit=FILE."
        ),
    ] = None
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="FILE|RUN|last",
            help="Also show what changed since a run: its file (--format json=FILE), or a run that --save kept.",
        ),
    ] = None
    save: Annotated[
        bool,
        typer.Option("--save", help="Keep the result on this machine: see swarmnet history. The newest 100 stay."),
    ] = False


@grouped
def command(
    cluster: LimitedCluster,
    chosen: Chosen,
    probe: Probe,
    output: Output,
    files: Files,
    playbook: PlaybookArgument = None,
) -> None:
    """Prove by traffic that the swarm's networks work.

    Exit: 0 all proved, 1 something failed, 3 something could not be tested.
    """
    from swarmnet.cli.probes import probe_kit
    from swarmnet.cli.results import history_of, result
    from swarmnet.report.reports.verify import verify_report

    targets = output.targets(files.junit)
    kit = probe_kit(probe.probe_image, probe.probe_archive)
    hosts = cluster.read()
    earlier = result(files.since, hosts.cluster, option="--since") if files.since else None
    asked = order(cluster, hosts, playbook, chosen, probe)
    found = proved(cluster, hosts, asked, kit)
    report = verify_report(found, verbose=cluster.verbose, earlier=earlier)
    if files.save:
        from swarmnet.edge.operator.clock import SystemClock
        from swarmnet.report.formats import FORMATS

        history_of(hosts.cluster).keep(found.run, SystemClock().now(), FORMATS["json"].render(report))
    targets.emit(report)
    raise typer.Exit(EXITS.get(found.status, ExitCode.DONE))


@dataclass(frozen=True, slots=True)
class Order:
    """What is verified."""

    wish: VerifyOptions
    book: Playbook | None


def order(cluster: LimitedCluster, hosts: Inventory, playbook: Path | None, chosen: Chosen, probe: Probe) -> Order:
    """Return what the options ask for; raises ``UsageError`` where they ask for nothing, or for what is not there."""
    from swarmnet.model.verification import Keep
    from swarmnet.verify.story import VerifyOptions

    within = cluster.names(hosts)
    book = book_of(playbook, hosts, chosen.var)
    wish = VerifyOptions(
        scenarios(chosen.only, chosen.skip, chosen.level),
        tuple(sorted(names_of(chosen.network))) or (overlays_of(book) if book else ()),
        tuple(host.name for host in hosts.members if within is None or host.name in within),
        keep=Keep.NEVER if probe.no_keep else Keep.ALWAYS,
        level=level_of(chosen.only, chosen.level),
        settle=probe.settle,
        timeout=cluster.timeout or WAIT,
    )
    return Order(wish, book)


def proved(
    cluster: LimitedCluster, hosts: Inventory, asked: Order, kit: ProbeKit, *, quiet: bool = False
) -> Verification:
    """Verify once, and return what was found; with ``quiet``, progress is printed for ``-v`` only."""
    from swarmnet.cli.probes import this_run
    from swarmnet.cli.wiring import logging_in, this_operator
    from swarmnet.model.verification import Phase
    from swarmnet.operations.expect.gather import expected_of
    from swarmnet.verify.story import verify
    from swarmnet.workflows.fleet.observe import WITH_TASKS, observe

    with logging_in(cluster.connected(hosts, quiet=quiet), [host.name for host in hosts.hosts]) as ports:
        begun = ports.clock.monotonic()
        state = observe(ports, WITH_TASKS)
        seen = Phase(name="observe", seconds=round(ports.clock.monotonic() - begun, 3))
        expected = expected_of(asked.book, hosts, state) if asked.book else None
        wish = replace(asked.wish, expected=None if expected is None or expected.is_empty else expected)
        return verify(ports, state, wish, kit=kit, run=this_run(this_operator()), before=(seen,))


def book_of(path: Path | None, inventory: Inventory, variables: Sequence[str] | None) -> Playbook | None:
    """Return the playbook of a command that may have one.

    Raises:
        DocumentError: the playbook is wrong.
        UsageError: a variable is wrong, or there is no playbook for it.
    """
    if path is None and variables:
        raise UsageError("--var sets variables of a playbook, and none is named", hint="name the playbook")
    return read_playbook(path, inventory, variables or ()) if path is not None else None


def read_playbook(path: Path, inventory: Inventory, variables: Sequence[str] = ()) -> Playbook:
    """Return a playbook with its stacks put in; raises ``DocumentError`` where it is wrong."""
    from swarmnet.cli.planning import operator_files
    from swarmnet.edge.operator.files import read_document
    from swarmnet.parse.compose.playbook import with_stacks
    from swarmnet.parse.playbook import parse_playbook, parse_variables

    playbook = parse_playbook(
        read_document(path),
        str(path),
        variables=parse_variables(variables),
        environment=os.environ,
        inventory=inventory,
    )
    return with_stacks(playbook, operator_files(path.parent), os.environ)


def overlays_of(playbook: Playbook) -> tuple[str, ...]:
    """Return the names of the overlays that a playbook defines; none where it only expects something.

    Raises:
        UsageError: it defines no overlay, and expects nothing.
    """
    from swarmnet.operations.expect.gather import expects
    from swarmnet.operations.network.operation import NetworkOperation

    operations = [step.operation for step in playbook.steps]
    wanted = [one.spec for one in operations if isinstance(one, NetworkOperation)]
    found = tuple(spec.name for spec in wanted if spec.driver == "overlay" and not spec.ingress)
    if not found and not any(expects(one) for one in operations):
        raise UsageError(
            f"{playbook.source} defines no overlay, and expects nothing",
            hint="name networks with --network, or add a network or a step 'expect' to it",
        )
    return found


def level_of(only: list[str] | None, word: str | None) -> Level | None:
    """Return the level that is asked for, full where none is; None where scenarios are chosen by name.

    Raises:
        UsageError: the level does not exist, or scenarios are chosen by name, too.
    """
    from swarmnet.model.verification import Level

    if word is None:
        return None if names_of(only) else Level.FULL
    if word not in set(Level):
        raise UsageError(f"no level {word!r}", hint=f"levels: {', '.join(Level)}")
    if names_of(only):
        raise UsageError(
            "--level and --only cannot be combined",
            hint="--only names scenarios of every level; --skip leaves some of a level out",
        )
    return Level(word)


def scenarios(only: list[str] | None, skip: list[str] | None, word: str | None = None) -> tuple[Scenario, ...]:
    """Return the scenarios that the options select; each list is repeatable and takes commas.

    Raises:
        UsageError: there is no scenario, or level, of that name, or none is left.
    """
    from swarmnet.cli.selection import selected
    from swarmnet.verify.scenarios import ALL, GROUPS

    level = level_of(only, word)
    options = (only, skip)
    return selected(
        ALL, "scenario", options, groups=GROUPS, fits=lambda one: level is None or one.level.number <= level.number
    )
