"""What ``plan`` and ``apply`` have in common: from files and options to a goal."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import AllowDownOption, MissingOption, ReplaceOption, VariableOption, names_of
from swarmnet.cli.readiness import UnreadyOption, ready_to_join

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from swarmnet.model.host_image import ImageArchive
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Plan
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.playbook import Playbook
    from swarmnet.plan.guard import Permissions
    from swarmnet.workflows.apply import Goal

    Agree = Callable[[Sequence[str]], bool]
    """Returns whether the named programs may run; raises an error to end the command."""

PlaybookArgument = Annotated[Path, typer.Argument(help="Playbook file.", metavar="PLAYBOOK", show_default=False)]


@dataclass(frozen=True, slots=True)
class PlaybookOptions:
    """Variables of a playbook, and what its run may do."""

    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Remove objects that carry this cluster's mark and that the playbook no longer names."
        ),
    ] = False
    replace: ReplaceOption = None
    allow_down: AllowDownOption = None
    allow_missing: MissingOption = False
    allow_unready: UnreadyOption = False
    allow_commands: Annotated[
        bool,
        typer.Option(
            "--allow-commands",
            help="Run the programs that planning needs: `from: {command: ...}` here, `unless` on the hosts.",
        ),
    ] = False
    var: VariableOption = None

    def goal(self, path: Path, inventory: Inventory, limit: list[str] | None, *, agree: Agree | None = None) -> Goal:
        """Read a playbook and return the goal that it describes; raises what :func:`goal_of` raises.

        ``agree`` is asked whether programs may be run where ``--allow-commands`` does not say so.
        """
        from swarmnet.plan.guard import Permissions

        allowed = Permissions(
            allow_missing=self.allow_missing,
            replace=names_of(self.replace),
            allow_down=names_of(self.allow_down),
            prune=self.prune,
        )
        may_run = (lambda _programs: True) if self.allow_commands else agree or (lambda _programs: False)
        goal = goal_of(path, inventory, limit=limit, variables=self.var, allowed=allowed, may_run=may_run)
        return replace(goal, readiness=ready_to_join(allowed=self.allow_unready))


def goal_of(
    path: Path,
    inventory: Inventory,
    *,
    limit: Sequence[str] | None,
    variables: Sequence[str] | None,
    allowed: Permissions,
    may_run: Agree,
) -> Goal:
    """Read a playbook and return the goal that it describes.

    Programs that it names run only where ``may_run`` says so. Without it, contents that come from a command cannot be
    read, and whether ``unless`` holds is not known.

    Raises:
        DocumentError: the playbook is wrong, or contents that it names cannot be read.
        UsageError: ``--limit`` or ``--var`` is wrong.
    """
    from swarmnet.cli.wiring import limited
    from swarmnet.edge.operator.contents import LocalContents
    from swarmnet.edge.operator.files import read_document
    from swarmnet.model.state import HostFacts
    from swarmnet.operations.playbook import containers, images, key_file, needs, programs, with_archives, with_contents
    from swarmnet.parse.playbook import parse_playbook, parse_variables
    from swarmnet.workflows.apply import Goal
    from swarmnet.workflows.fleet.observe import Look

    playbook = parse_playbook(
        read_document(path),
        str(path),
        variables=parse_variables(variables or ()),
        environment=os.environ,
        inventory=inventory,
    )
    files = operator_files(path.parent)
    playbook = with_operator_files(playbook, files)
    selectors, hosts = limited(inventory, limit)
    asked = tuple(need for need in needs(playbook, inventory) if hosts is None or need.host in hosts)
    named = programs(playbook, asked)
    runs = not named or may_run(named)
    playbook = with_contents(playbook, LocalContents(), commands=runs)
    playbook = with_archives(playbook, _archive)
    return Goal(
        make_plan=partial(_plan, playbook, inventory, selectors, prune=allowed.prune),
        look=Look(
            needs=tuple(need for need in asked if runs or need.own),
            containers=allowed.prune or bool(allowed.replace) or _asks_for_containers(playbook),
            listed=HostFacts.LISTED & _looked_at(playbook),
            made=containers(playbook),
            images=images(playbook),
            hosts=hosts,
            unlock_key_file=key_file(playbook),
        ),
        permissions=allowed,
        command=f"apply {path}",
        programs=named if runs else (),
    )


def with_operator_files(playbook: Playbook, files: Callable[[str], bytes]) -> Playbook:
    """Return the playbook with what its stack files and env files say; what reads them is loaded where there are any.

    Raises:
        DocumentError: with every problem of the files.
    """
    if _has_step(playbook, "stack"):
        from swarmnet.parse.compose.playbook import with_stacks

        playbook = with_stacks(playbook, files, os.environ)
    if _has_step(playbook, "service"):
        from swarmnet.parse.env_files import with_env_files

        playbook = with_env_files(playbook, files, os.environ)
    return playbook


def _archive(path: str) -> ImageArchive:
    """Return what an image archive holds."""
    from swarmnet.edge.operator.files import expanded
    from swarmnet.edge.operator.image_archive import describe_archive

    return describe_archive(expanded(path))


def _has_step(playbook: Playbook, word: str) -> bool:
    return any(step.operation.name_in_playbook == word for step in playbook.steps)


def operator_files(folder: Path) -> Callable[[str], bytes]:
    """Return what reads files of this machine; relative paths start at ``folder``."""
    from swarmnet.edge.operator.contents import LocalContents
    from swarmnet.operations.content.source import ContentSource

    return lambda path: LocalContents().read(ContentSource(file=path), folder=str(folder))


def _plan(
    playbook: Playbook, inventory: Inventory, limit: tuple[str, ...], state: ClusterState, *, prune: bool
) -> Plan:
    from swarmnet.operations.playbook import provided_on
    from swarmnet.plan.build import build
    from swarmnet.plan.prune import with_removals

    plan = build(playbook, state, inventory, limit=limit)
    if not prune:
        return plan
    return with_removals(plan, provided=_provided(playbook), provided_on=provided_on(playbook, inventory))


def _asks_for_containers(playbook: Playbook) -> bool:
    """Return whether a step concerns containers, or removes something, which containers may use."""
    return "containers" in _looked_at(playbook) or any(step.operation.removes for step in playbook.steps)


def _looked_at(playbook: Playbook) -> frozenset[str]:
    return frozenset(field for step in playbook.steps for field in step.operation.looks_at)


def _provided(playbook: Playbook) -> frozenset[tuple[str, str]]:
    return frozenset(name for step in playbook.steps for name in step.operation.provides())
