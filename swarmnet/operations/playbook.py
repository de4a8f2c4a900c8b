"""A playbook that was read: ordered steps, each one operation on some hosts."""

from __future__ import annotations

import shlex
from functools import cache, partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from pydantic import SerializeAsAny

from swarmnet.errors import DocumentError, Problem, UsageError
from swarmnet.model.base import Document
from swarmnet.operations.kind import Need, Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from swarmnet.model.host_image import ImageArchive
    from swarmnet.model.hosts import Inventory
    from swarmnet.operations.content.source import Contents, ContentSource

__all__ = [
    "Playbook",
    "Step",
    "containers",
    "images",
    "key_file",
    "needs",
    "programs",
    "provided_on",
    "with_archives",
    "with_contents",
]


class Step(Document):
    """One operation, its position in the file, and the hosts that it selects."""

    operation: SerializeAsAny[Operation]
    on: tuple[str, ...] = ()
    """Selectors as for ``--limit``; none selects all hosts."""
    name: str = ""
    together: str = ""
    """Neighbouring steps with the same word here run side by side."""
    line: int | None = None
    column: int | None = None
    source: str = ""
    """The file that it is in, where that is not the playbook."""
    notes: tuple[str, ...] = ()
    """What the operator should know of how it was read."""


class Playbook(Document):
    """The desired state of a cluster."""

    name: str
    steps: tuple[Step, ...]
    restore: str = ""
    """Id of the backup that it was made from, or empty for a file."""
    source: str = "<memory>"
    """The file's path as the operator wrote it."""

    def problem(self, step: Step, text: str, hint: str | None = None) -> Problem:
        """Return a problem with the step's position."""
        return Problem(step.source or self.source, step.line, text, hint, step.column)


def programs(playbook: Playbook, asked: Iterable[Need]) -> tuple[str, ...]:
    """Return what planning runs, in words: commands that print contents on this machine, and ``unless`` on hosts."""
    sources = [step.operation.unread() for step in playbook.steps]
    local = [f"on this machine: {shlex.join(one.command)}" for one in sources if one and one.command is not None]
    hosts: dict[str, list[str]] = {}
    for need in (one for one in asked if not one.own):
        words = ("sudo", *need.argv) if need.sudo else need.argv
        hosts.setdefault(shlex.join(words), []).append(need.host)
    return (*dict.fromkeys(local), *(f"on {', '.join(names)}: {words}" for words, names in hosts.items()))


def with_contents(playbook: Playbook, contents: Contents, *, commands: bool = True) -> Playbook:
    """Return the playbook with the contents of configs and secrets, and with its relative paths resolved.

    Raises:
        DocumentError: names every content that cannot be read, and those that come from a command if ``commands`` is
            False.
    """
    folder = str(PurePath(playbook.source).parent)
    steps: list[Step] = []
    problems: list[Problem] = []
    for step in playbook.steps:
        source = step.operation.unread()
        try:
            operation = step.operation
            if source is not None:
                operation = _read(operation, partial(_content, source, contents, folder, commands=commands))
        except UsageError as error:
            problems.append(playbook.problem(step, error.message, error.hint))
            continue
        steps.append(step.model_copy(update={"operation": operation.placed(folder)}))
    if problems:
        raise DocumentError(tuple(problems))
    return playbook.model_copy(update={"steps": tuple(steps)})


def _read(operation: Operation, content: Callable[[], bytes]) -> Operation:
    """Return the step with its content, or without it where it needs none."""
    try:
        return operation.read(content())
    except UsageError as error:
        without = operation.unreadable(error.message)
        if without is None:
            raise
        return without


def _content(source: ContentSource, contents: Contents, folder: str, *, commands: bool) -> bytes:
    if source.command is not None and not commands:
        raise UsageError(
            "its content comes from a command, and planning runs no commands",
            hint=f"--allow-commands runs it on this machine: {shlex.join(source.command)}",
        )
    return contents.read(source, folder=folder)


def containers(playbook: Playbook) -> frozenset[str]:
    """Return the names of the containers whose making must be known for planning."""
    return frozenset(name for step in playbook.steps for name in step.operation.containers())


def images(playbook: Playbook) -> frozenset[str]:
    """Return the names of the images that hosts must be asked for."""
    return frozenset(name for step in playbook.steps for name in step.operation.images())


def with_archives(playbook: Playbook, describe: Callable[[str], ImageArchive]) -> Playbook:
    """Return the playbook with what its image archives hold; each is read once.

    Raises:
        DocumentError: names every archive that cannot be read, or is none.
    """
    known = cache(describe)
    steps: list[Step] = []
    problems: list[Problem] = []
    for step in playbook.steps:
        path = step.operation.image_archive()
        try:
            operation = step.operation if path is None else step.operation.described(known(path))
        except UsageError as error:
            problems.append(playbook.problem(step, error.message, error.hint))
            continue
        steps.append(step.model_copy(update={"operation": operation}))
    if problems:
        raise DocumentError(tuple(problems))
    return playbook.model_copy(update={"steps": tuple(steps)})


def provided_on(playbook: Playbook, inventory: Inventory) -> frozenset[tuple[str, str, str]]:
    """Return ``(kind, name, host)`` of what the steps create on single hosts."""
    return frozenset(
        (kind, name, host.name)
        for step in playbook.steps
        for kind, name in step.operation.provides_on_hosts()
        for host in inventory.select(step.on).hosts
    )


def key_file(playbook: Playbook) -> str | None:
    """Return the file in which the playbook keeps the swarm's unlock key."""
    return next((path for step in playbook.steps if (path := step.operation.key_file())), None)


def needs(playbook: Playbook, inventory: Inventory) -> tuple[Need, ...]:
    """Return the commands that hosts must run before the playbook can be planned, each once.

    Raises:
        DocumentError: a step selects hosts that are not in the inventory.
    """
    found: dict[Need, None] = {}
    problems: list[Problem] = []
    for step in playbook.steps:
        try:
            found |= dict.fromkeys(step.operation.needs(inventory.select(step.on).hosts))
        except UsageError as error:
            problems.append(playbook.problem(step, error.message, error.hint))
    if problems:
        raise DocumentError(tuple(problems))
    return tuple(found)
