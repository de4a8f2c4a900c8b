"""Stack files in memory, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

from swarmnet.errors import DocumentError, NoSuchFileError
from swarmnet.parse.compose.playbook import steps_of
from swarmnet.parse.compose.stack import Converted, Files, Order, convert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject

STACKS = Path(__file__).parent.parent / "parse/compose/stacks"
NAMES = tuple(sorted(path.stem for path in STACKS.glob("*.yml")))
ENVIRONMENT = {"DOMAIN": "proxy.example.com", "DB_PASS": "s3cr3t", "PGPASSFILE": "/run/pgpass"}
"""Variables that the stack files of the tests need."""


def from_memory(files: Mapping[str, str]) -> Files:
    """Return files of this machine that are only in memory."""

    def read(path: str) -> bytes:
        if path not in files:
            raise NoSuchFileError(f"no such file: {path}")
        return dedent(files[path]).lstrip("\n").encode()

    return Files(read)


def converted(*texts: str, name: str | None = "shop", order: Order | None = None, **more: object) -> Converted:
    """Return the steps of stack files; ``environment`` and further ``files`` may be given."""
    files = {("c.yml" if number == 0 else f"c{number}.yml"): text for number, text in enumerate(texts)}
    environment = more.get("environment", {})
    others = more.get("files", {})
    assert isinstance(environment, dict)
    assert isinstance(others, dict)
    found = convert(order or Order(tuple(files), name), from_memory(files | others), environment)
    steps_of(found)
    return found


def step(found: Converted, kind: str, name: str) -> JsonObject:
    """Return the arguments of one step."""
    return next(one.arguments for one in found.steps if one.kind == kind and one.arguments["name"] == name)


def said(*texts: str, **more: object) -> list[str]:
    """Return the problems of stack files that are refused."""
    try:
        converted(*texts, **more)  # type: ignore[arg-type]
    except DocumentError as error:
        return [str(problem) for problem in error.problems]
    raise AssertionError("the stack file was accepted")
