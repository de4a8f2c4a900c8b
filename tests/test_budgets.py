"""Files, classes and functions stay small enough to be read at once; the budgets have no exceptions."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
MODULES = sorted(path for folder in ("swarmnet", "tests") for path in (ROOT / folder).rglob("*.py"))
FILE, CLASS, FUNCTION, ARGUMENTS = 400, 200, 60, 6


def too_large(path: Path) -> Iterator[str]:
    """Yield what is over its budget in a module, with its size."""
    text = path.read_text()
    if (lines := text.count("\n")) > FILE:
        yield f"{path.name}: {lines} lines"
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.ClassDef():
                budget = CLASS
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                budget = FUNCTION
                if (count := len(arguments(node))) > ARGUMENTS:
                    yield f"{path.name}:{node.lineno}: {node.name} has {count} arguments"
            case _:
                continue
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > budget:
            yield f"{path.name}:{node.lineno}: {node.name} has {lines} lines"


def arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Return the names of the arguments that a caller gives: all but ``self`` and ``cls``."""
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [one.arg for one in every if one.arg not in {"self", "cls"}]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_keeps_its_budgets(path: Path) -> None:
    assert list(too_large(path)) == []


def test_what_is_over_a_budget_is_found(tmp_path: Path) -> None:
    module = tmp_path / "large.py"
    body = "\n".join("    x = 1" for _ in range(FUNCTION))
    module.write_text(
        f"def f(a, b, c, d, e, g, h):\n{body}\n\n"
        "class C:\n" + "\n".join(f"    x{number} = 1" for number in range(CLASS)) + "\n" + "\n" * FILE
    )

    found = "\n".join(too_large(module))

    assert [word in found for word in ("lines", "f has 7 arguments", "f has 61 lines", "C has 201 lines")] == [True] * 4
