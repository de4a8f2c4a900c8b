"""No regular expression of swarmnet takes long on any text (H5).

A pattern that backtracks without end cannot be interrupted, so all of them run in a process of their own. It prints the
pattern before it is tried: whichever comes last when the time is up is the one.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import swarmnet

ROOT = Path(swarmnet.__file__).parent
LIMIT = 120.0
"""Seconds for all patterns on all texts; together they take about one."""
TEXTS = (
    *("a" * 64 + end for end in ("!", ".", "_", " ")),
    *("_" * 64 + end for end in ("", "!", "a")),
    *(mark.join(["ab"] * 40) + end for mark in "_-./:@= ," for end in ("", "!", mark * 2)),
    "1" * 5000,
    "1." * 2000,
    " " * 5000,
    "-" * 5000,
    "=" * 5000,
    "a b" * 1500,
    "[" * 3000,
    "\\n" * 3000,
    "paymentsgatewaynotificationworker.v2",
    "registry.example/my_part_part_part_part_part_part_part_part_part_part:v1 ",
)
ASKS = {"compile", "fullmatch", "match", "search", "findall", "finditer", "sub", "split"}


def literal(node: ast.expr) -> str | bytes | None:
    """Return a pattern of the code; a formatted one with a letter in each gap."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "[a-z0-9]+" for part in node.values)
    return None


def patterns() -> set[str | bytes]:
    """Return every pattern that is handed to ``re`` anywhere."""
    found: set[str | bytes] = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ASKS:
                of_re = isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
                pattern = literal(node.args[0]) if of_re and node.args else None
                if pattern is not None:
                    found.add(pattern)
    return found


def main() -> None:
    for pattern in sorted(patterns(), key=str):
        print(repr(pattern), flush=True)  # noqa: T201 - the test reads it
        compiled = re.compile(pattern)
        for text in TEXTS:
            subject = text.encode() if isinstance(pattern, bytes) else text
            compiled.search(subject[:600])  # type: ignore[arg-type]
            compiled.fullmatch(subject)  # type: ignore[arg-type]


def test_h5_every_pattern_is_quick_on_every_text() -> None:
    try:
        done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired as late:
        said = late.stdout.decode() if isinstance(late.stdout, bytes) else str(late.stdout)
        raise AssertionError(f"this pattern takes too long: {said.splitlines()[-1]}") from None

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 40


if __name__ == "__main__":
    main()
