"""No module imports itself by way of others, imports for the type checker and inside of functions included."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parent.parent / "swarmnet"


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Return all modules of a package by their dotted name."""
    found = {}
    for path in root.rglob("*.py"):
        parts = (root.name, *path.relative_to(root).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(tree: ast.AST, known: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules that a module imports, in whatever place: ``from package import module`` means the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.module in known:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


def arrows(known: Mapping[str, Path]) -> dict[str, set[str]]:
    """Return each module with those that it imports."""
    return {name: {*imported(ast.parse(path.read_text()), known)} - {name} for name, path in known.items()}


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that reach each other, by taking away what leads nowhere or is led to by none."""
    left = {name: set(targets) for name, targets in graph.items()}
    while True:
        led_to = {target for targets in left.values() for target in targets}
        gone = {name for name, targets in left.items() if not targets & set(left) or name not in led_to}
        if not gone:
            break
        left = {name: targets - gone for name, targets in left.items() if name not in gone}
    return _groups(left)


def _groups(left: Mapping[str, set[str]]) -> list[list[str]]:
    reach = {name: _reached(name, left) for name in left}
    groups = {tuple(sorted(other for other in reach[name] if name in reach[other])) for name in left}
    return [list(group) for group in sorted(groups) if group]


def _reached(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = graph[ahead.pop()] - found
        found |= new
        ahead += new
    return found


def test_no_circle_of_imports_is_left() -> None:
    assert circles(arrows(modules())) == []


def test_a_circle_is_found_also_where_only_types_are_imported(tmp_path: Path) -> None:
    package = tmp_path / "house"
    package.mkdir()
    for name, text in {
        "__init__": "",
        "a": "from house import b",
        "b": "if TYPE_CHECKING:\n    from house.c import X",
        "c": "def f():\n    import house.a",
        "d": "import house.a",
    }.items():
        (package / f"{name}.py").write_text(text)

    assert circles(arrows(modules(package))) == [["house.a", "house.b", "house.c"]]
