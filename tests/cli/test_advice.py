"""What messages, hints, help and documents tell people to type exists, and destroys nothing (E1, C12)."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.main import COMMANDS
from tests.cli.test_options import LEAVES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "swarmnet").rglob("*.py"))
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "playbooks").glob("*.yml")), *sorted((ROOT / "inventories").glob("*"))]
TYPED = re.compile(r"(?<![\w/.-])swarmnet ([a-z]+)((?: [^\s`'\",;()]+)*)")
PROSE = frozenset(
    [
        "and",
        "built",
        "checks",
        "commands",
        "did",
        "does",
        "in",
        "inventory",
        "is",
        "it",
        "itself",
        "made",
        "makes",
        "needs",
    ]
) | {"logs", "packed", "playbook", "removes", "s", "the", "was", "will", "works"}
"""Words that follow the name in messages and documents about it; whatever else follows is a command."""
DESTROYS = re.compile(r"leave --?f(orce)?\b|rm -rf? /var/lib/docker(/swarm| |$)")


@cache
def texts(path: Path) -> tuple[str, ...]:
    """Return every line of text of a module, with ``{}`` for what is filled in; of docstrings, those that are help."""
    return tuple(_texts(path))


def _texts(path: Path) -> Iterator[str]:
    if path.suffix != ".py":
        yield from path.read_text(encoding="utf-8").splitlines()
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    comments = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and "cli" not in path.parts}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in comments:
            yield from node.value.splitlines()
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def wrong(text: str) -> Iterator[str]:
    """Yield what a text tells people to type that does not exist as a command, a verb or an option."""
    for match in TYPED.finditer(text):
        command, words = match[1], match[2].split()
        if command in PROSE:
            continue
        if command not in COMMANDS:
            yield match[0]
            continue
        verbs = {leaf.partition(" ")[2] for leaf in LEAVES if leaf.startswith(f"{command} ")}
        named = re.split(r"\\?\|", words[0].rstrip(".:")) if words and re.match(r"[a-z]", words[0]) else []
        if verbs and not set(named) <= verbs:
            yield match[0]
            continue
        leaves = [f"{command} {verb}" for verb in named] if verbs else [command]
        known = {opt for leaf in leaves for parameter in LEAVES[leaf].params for opt in parameter.opts} | {"--help"}
        asked = [word.rstrip(".:]").partition("=")[0] for word in words if re.match(r"--[a-z]", word)]
        if leaves and not set(asked) <= known:
            yield match[0]


def test_every_command_that_is_named_exists() -> None:
    reported = {path.name: [found for text in texts(path) for found in wrong(text)] for path in (*MODULES, *DOCUMENTS)}

    assert {name: found for name, found in reported.items() if found} == {}


@pytest.mark.parametrize(
    "reported",
    ["swarmnet recover majority", "swarmnet lock smash", "swarmnet unlock --keyfile F", "swarmnet backup create|frob"],
)
def test_a_command_that_does_not_exist_is_found(reported: str) -> None:
    assert list(wrong(f"when they are lost for good: {reported}")) != []


def test_no_advice_destroys_what_is_left_of_a_swarm() -> None:
    reported = {path.name: [text for text in texts(path) if DESTROYS.search(text)] for path in (*MODULES, *DOCUMENTS)}

    assert {name: found for name, found in reported.items() if found} == {}
