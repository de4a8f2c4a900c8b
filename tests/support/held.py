"""Tables that name the tests which hold a promise: by file and function, and the functions must be there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TESTS = Path(__file__).parent.parent


def missing(tests: Iterable[tuple[str, str]]) -> list[str]:
    """Return the tests that are not there, of pairs of a file below ``tests`` and a name without ``test_``."""
    return [f"{file}: {name}" for file, name in tests if f"test_{name}" not in _functions(file)]


@cache
def _functions(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / f"{file}.py").read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
