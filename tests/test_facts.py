"""Decisions rest on fields, never on sentences that this program wrote for people."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent / "swarmnet"
LOGIC = ("model", "operations", "plan", "workflows", "verify", "cli", "report")
SENTENCES = {"why", "text", "detail", "hint", "reason", "reasons", "advice", "fix", "subject", "complaint"}
"""Attributes that hold text for people."""
SHOWN = {"action", "outcome", "event", "removal"}
"""Names of what has a ``target`` for people; other targets are ports, paths and chains."""
TAKES_APART = {"startswith", "endswith", "partition", "rpartition", "split", "rsplit", "splitlines", "find", "index"}
TAKES_APART |= {"removeprefix", "removesuffix", "fullmatch", "match", "search"}


def decisions(source: str) -> Iterator[int]:
    """Yield the lines that look into a sentence: take it apart, search in it, or compare it with one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TAKES_APART:
            if any(is_sentence(one) for one in (node.func.value, *node.args)):
                yield node.lineno
        elif isinstance(node, ast.Compare):
            sides = zip([node.left, *node.comparators], node.ops, node.comparators, strict=False)
            for left, operator, right in sides:
                is_search = isinstance(operator, ast.In | ast.NotIn) and is_sentence(right) and is_text(left)
                is_equal = isinstance(operator, ast.Eq | ast.NotEq) and (
                    (is_sentence(left) and isinstance(right, ast.JoinedStr))
                    or (is_sentence(right) and isinstance(left, ast.JoinedStr))
                )
                if is_search or is_equal:
                    yield node.lineno


def is_sentence(node: ast.expr) -> bool:
    if not isinstance(node, ast.Attribute):
        return False
    is_target = node.attr == "target" and isinstance(node.value, ast.Name) and node.value.id in SHOWN
    return is_target or node.attr in SENTENCES


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_no_decision_reads_text_meant_for_people() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for room in LOGIC
        for path in sorted((ROOT / room).rglob("*.py"))
        for line in decisions(path.read_text())
    ]

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        'action.target.startswith("network ")',
        'name = action.target.partition(" ")[2]',
        'if "(transfer)" in cell.detail: pass',
        'if verdict.subject == f"host {name}": pass',
        "re.search(pattern, skip.why)",
    ],
)
def test_a_decision_by_a_sentence_is_found(line: str) -> None:
    assert list(decisions(line)) == [1]


@pytest.mark.parametrize(
    "line", ["action.target.lower()", "one.target in done", 'print(f"{action.target}: {action.why}")']
)
def test_printing_a_sentence_is_not_a_decision(line: str) -> None:
    assert list(decisions(line)) == []
