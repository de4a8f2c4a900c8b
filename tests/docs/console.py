"""Commands that documents show: what a reader types, and what it should end with."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from swarmnet.cli.main import COMMANDS, build

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Typed:
    """One line of a shell block."""

    argv: tuple[str, ...]
    exits: int = 0
    """What its comment says: ``# exits 6``."""

    def __str__(self) -> str:
        return shlex.join(self.argv)


def blocks(page: Path, language: str) -> list[str]:
    """Return every fenced block of a language, in order, without the indent of the list that it may be in."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def run_in_the_lab(page: Path) -> list[Typed]:
    """Return the commands of a page's ``sh`` blocks: tests run them."""
    return [typed for block in blocks(page, "sh") for line in block.splitlines() if (typed := _typed(line)).argv]


def shown(page: Path) -> list[Typed]:
    """Return the commands of a page that need the reader's own hosts: ``console`` blocks and jobs of CI."""
    lines = [line.removeprefix("$ ") for block in blocks(page, "console") for line in block.splitlines()]
    lines += [run for block in blocks(page, "yaml") for run in re.findall(r"^ *- run: (.*)$", block, re.MULTILINE)]
    return [_typed(line) for line in lines]


def mentioned(page: Path) -> list[Typed]:
    """Return the commands in the text and in tables of a page, as they are written."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    names = "|".join(COMMANDS)
    found = re.findall(rf"`((?:swarmnet|(?:swarmnet )?(?:{names})) [^`]+)`", text)
    lines = {" ".join(("swarmnet " + one.removeprefix("swarmnet ")).split()).replace("\\|", "|") for one in found}
    return [Typed(tuple(line.split())) for line in sorted(lines)]


def wrong_with(words: tuple[str, ...]) -> str | None:
    """Return what a command line has that swarmnet does not know; None when it has these verbs and options.

    Verbs may be alternatives (``list|show``), optional words may be in brackets.
    """
    command: Any = get_command(build(words[:1]))
    own = words[: words.index("--")] if "--" in words else words
    for word in own:
        if isinstance(command, TyperGroup) and _runs_alone(command, [word]):
            break
        if isinstance(command, TyperGroup) and not word.startswith("-"):
            for verb in word.split("|"):
                if verb not in command.commands:
                    return f"no command {verb!r}"
            command = command.commands[word.split("|")[0]]
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    known |= {"--help", "--install-completion", "--version", "-h"}
    given = {word.strip("[]").partition("=")[0] for word in own if word.strip("[]").startswith("-")}
    return f"no option {', '.join(sorted(given - known))}" if given - known else None


def parse_error(words: tuple[str, ...]) -> str | None:
    """Return why swarmnet does not accept a command line as typed, without running it; None when it does."""
    command: Any = get_command(build(words[:1]))
    left = list(words)
    while isinstance(command, TyperGroup) and not _runs_alone(command, left[:1]):
        command = command.commands[left.pop(0)]
    try:
        command.make_context("swarmnet", left)
    except typer.TyperException as error:
        return error.format_message()
    return None


def _runs_alone(command: TyperGroup, words: list[str]) -> bool:
    """Return whether a command with verbs runs without one: its options, or nothing, follow."""
    return command.invoke_without_command and (not words or words[0].startswith("-"))


def _typed(line: str) -> Typed:
    says = re.search(r"# exits (\d+)", line)
    return Typed(tuple(shlex.split(line, comments=True)), int(says[1]) if says else 0)
