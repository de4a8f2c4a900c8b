"""The reference of commands: every command, argument and option, as the command line itself describes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup
from typer.main import get_command

from swarmnet.cli.main import COMMANDS, build
from tests.docs.markdown import code, page, paragraphs, table

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands_page() -> str:
    """Return ``commands.md``."""
    parts = [
        "Every command, in the order of `swarmnet --help`. `-h` prints the same text on your machine.",
        "\n".join(f"- [`swarmnet {name}`](#swarmnet-{name}): {summary}" for name, (_, summary) in COMMANDS.items()),
    ]
    for name in COMMANDS:
        parts += _sections(command_of(name), f"swarmnet {name}")
    return page("Commands", *parts)


def command_of(name: str) -> Any:  # noqa: ANN401 - Typer's own classes are private
    """Return the command of a name, loaded."""
    root = get_command(build([name]))
    assert isinstance(root, TyperGroup)
    return root.commands[name]


def _sections(command: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - as above
    yield f"{'#' * (1 + path.count(' '))} {path}"
    yield paragraphs(command.help or command.short_help or "")
    if isinstance(command, TyperGroup):
        if command.invoke_without_command:
            yield from _usage(command, path)
        if command.epilog:
            yield _example(command.epilog)
        for verb, inner in command.commands.items():
            yield from _sections(inner, f"{path} {verb}")
        return
    yield from _usage(command, path)
    if command.epilog:
        yield _example(command.epilog)


def _usage(command: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - as above
    context = command.context_class(command, info_name=path)
    yield "```text\n" + f"{path} {' '.join(command.collect_usage_pieces(context))}" + "\n```"
    rows = [_row(*record) for one in command.params if (record := one.get_help_record(context))]
    if rows:
        yield table(("argument or option", "meaning", "limits"), rows)


def _row(names: str, text: str) -> tuple[str, str, str]:
    meaning, _, limits = text.partition("  [")
    return code(re.sub(r" <(?:str|path|int|float)>", "", names)), meaning, limits.removesuffix("]")


def _example(epilog: str) -> str:
    return f"Example: {code(epilog.removeprefix('Example: '))}"
