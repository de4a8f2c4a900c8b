"""``swarmnet convert``: a stack file of Docker as a playbook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import JsonOption, grouped
from swarmnet.cli.streams import echo_json
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.base import JsonObject
    from swarmnet.parse.compose.objects import Written
    from swarmnet.parse.compose.stack import Converted

EXAMPLE = "swarmnet convert compose.yml --name shop -o playbooks/shop.yml"


@grouped
def command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Stack file, or several that are merged in order.", show_default=False),
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="STACK", help="Name of the stack, unless the file has it.")
    ] = None,
    env_file: Annotated[
        list[str] | None,
        typer.Option("--env-file", metavar="FILE", help="File of variables instead of .env; repeatable."),
    ] = None,
    profile: Annotated[
        list[str] | None, typer.Option("--profile", metavar="NAME", help="Profile to include; '*' is all; repeatable.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the playbook to a file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print a stack file as a playbook, and name each key that a swarm ignores.

    The playbook plans the same as a step `stack` of the file. Variables are filled in: those of the environment go
    before those of .env. Contents of configs and secrets stay in their files.
    """
    from swarmnet.report.documents.convert import convert_document

    converted = _converted(files, name, env_file, profile or (), Path() if output is None else output.parent)
    text, steps = _playbook(converted, [str(file) for file in files])
    for note in converted.notes:
        wiring.note(str(note))
    if output is not None:
        _write(output, text)
    if as_json:
        echo_json(convert_document(converted.name, steps, converted.notes).tree)
    elif output is None:
        typer.echo(text, nl=False)


def _converted(
    files: Sequence[Path], name: str | None, env_file: Sequence[str] | None, profiles: Sequence[str], folder: Path
) -> Converted:
    """Return the steps; their paths start at ``folder``, which will be the playbook's."""
    from swarmnet.cli.planning import operator_files
    from swarmnet.parse.compose.playbook import steps_of
    from swarmnet.parse.compose.stack import Files, Order, convert

    typed = {os.path.relpath(file, folder): str(file) for file in (*files, *map(Path, env_file or ()))}
    named = tuple(os.path.relpath(file, folder) for file in files)
    variables = None if env_file is None else tuple(os.path.relpath(file, folder) for file in env_file)
    order = Order(named, name, variables, tuple(profiles))
    converted = convert(order, Files(operator_files(folder), str(folder), typed), os.environ)
    steps_of(converted)  # refuses what a playbook's steps refuse
    return converted


def _playbook(converted: Converted, files: list[str]) -> tuple[str, list[JsonObject]]:
    from swarmnet.operations.written import WrittenStep
    from swarmnet.parse.write import playbook_text

    written = [WrittenStep(one.kind, one.arguments, together=one.together) for one in converted.steps]
    text, _begins = playbook_text(converted.name, written, [f"Converted from {', '.join(files)}."])
    return text, [_step(one) for one in converted.steps]


def _step(step: Written) -> JsonObject:
    found: JsonObject = {step.kind: step.arguments}
    return found | ({"together": step.together} if step.together else {})


def _write(path: Path, text: str) -> None:
    from swarmnet.files import write_atomically

    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
