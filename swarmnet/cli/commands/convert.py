"""``swarmnet convert``: a stack file of Docker as a playbook."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import JsonOption, ShowValuesOption, grouped
from swarmnet.cli.streams import echo_json
from swarmnet.errors import UnwrittenError
from swarmnet.model.sensitive import HIDDEN, Sensitive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.base import JsonObject
    from swarmnet.parse.compose.objects import Written
    from swarmnet.parse.compose.stack import Converted

EXAMPLE = "swarmnet convert compose.yml --name shop -o playbooks/shop.yml"


@dataclass(frozen=True, slots=True)
class Stack:
    """Which stack is read."""

    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Stack file, or several that are merged in order.", show_default=False),
    ]
    name: Annotated[
        str | None, typer.Option("--name", metavar="STACK", help="Name of the stack, unless the file has it.")
    ] = None
    env_file: Annotated[
        list[str] | None,
        typer.Option("--env-file", metavar="FILE", help="File of variables instead of .env; repeatable."),
    ] = None
    profile: Annotated[
        list[str] | None, typer.Option("--profile", metavar="NAME", help="Profile to include; '*' is all; repeatable.")
    ] = None


@grouped
def command(
    stack: Stack,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the playbook to a file.")
    ] = None,
    as_json: JsonOption = False,
    show_values: ShowValuesOption = False,
) -> None:
    """Print a stack file as a playbook, and name each key that a swarm ignores.

    The playbook plans the same as a step `stack` of the file. Variables are filled in: those of the environment go
    before those of .env. Contents of configs, secrets and env files of services stay in their files. On the screen,
    values of variables in the environment of services are hidden; a file that is written has them, and only you can
    read it. --show-values shows them, and fills in what is in env files.
    """
    from swarmnet.report.documents.convert import convert_document

    given = Given(stack.files, stack.name, stack.env_file, tuple(stack.profile or ()), names_env_files=not show_values)
    converted = _converted(given, Path() if output is None else output.parent)
    for note in converted.notes:
        wiring.note(str(note))
    shown = converted.steps if show_values else _hidden(converted)
    if shown != converted.steps and (output is None or as_json):
        wiring.note(f"values of variables are hidden, written as {HIDDEN}: --show-values shows them, -o FILE has them")
    if output is not None:
        _write(output, _text(converted.name, converted.steps, stack.files))
    if as_json:
        steps = [_step(one) for one in shown]
        echo_json(convert_document(converted.name, steps, converted.notes).tree)
    elif output is None:
        typer.echo(_text(converted.name, shown, stack.files), nl=False)


@dataclass(frozen=True, slots=True)
class Given:
    """What was typed."""

    files: Sequence[Path]
    name: str | None
    env_file: Sequence[str] | None
    profiles: tuple[str, ...]
    names_env_files: bool


def _converted(given: Given, folder: Path) -> Converted:
    """Return the steps; their paths start at ``folder``, which will be the playbook's."""
    from swarmnet.cli.planning import operator_files
    from swarmnet.parse.compose.playbook import steps_of
    from swarmnet.parse.compose.stack import Files, Order, convert

    typed = {os.path.relpath(file, folder): str(file) for file in (*given.files, *map(Path, given.env_file or ()))}
    named = tuple(os.path.relpath(file, folder) for file in given.files)
    variables = None if given.env_file is None else tuple(os.path.relpath(file, folder) for file in given.env_file)
    order = Order(named, given.name, variables, given.profiles, names_env_files=given.names_env_files)
    converted = convert(order, Files(operator_files(folder), str(folder), typed), os.environ)
    steps_of(converted)  # refuses what a playbook's steps refuse
    return converted


def _hidden(converted: Converted) -> tuple[Written, ...]:
    """Return the steps without the values of variables in the environment of services."""
    found = Sensitive()
    for value in converted.filled:
        found.mark(value)
    return tuple(
        replace(one, arguments={**one.arguments, "env": found.masked_json(one.arguments["env"])})
        if "env" in one.arguments
        else one
        for one in converted.steps
    )


def _text(name: str, steps: Sequence[Written], files: Sequence[Path]) -> str:
    from swarmnet.operations.written import WrittenStep
    from swarmnet.parse.write import playbook_text

    written = [WrittenStep(one.kind, one.arguments, together=one.together) for one in steps]
    return playbook_text(name, written, [f"Converted from {', '.join(map(str, files))}."])[0]


def _step(step: Written) -> JsonObject:
    found: JsonObject = {step.kind: step.arguments}
    return found | ({"together": step.together} if step.together else {})


def _write(path: Path, text: str) -> None:
    from swarmnet.files import write_atomically

    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise UnwrittenError(path, error) from None
