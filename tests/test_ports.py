"""One way to get a port for a server of a test: ``free_port`` of ``tests/support/ports.py``, or port 0.

Test runs of several checkouts go on at the same time on one machine. A number that two of them use fails one of them.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent
OPENERS = ("bind", "create_server", "Server", "Sshd", "serving")
"""How the names end of what opens a port of this machine. Programs in lab hosts are text: they have a network of their
own."""
OWN_NETWORK = {"support/busy_path.py": "each peer is a process in a network namespace of its own"}
BY_CHANCE = ("randint", "randrange")
LAST_PRIVILEGED, LAST = 1023, 65535


def ports(path: Path) -> Iterator[str]:
    """Yield each line of a module that makes up a port number, or keeps one that it has given back."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    numbers = _numbers(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (_opens(node, numbers) or _is_by_chance(node)):
            yield f"{path.name}:{node.lineno}: a number"
        if isinstance(node, ast.BinOp) and _is_of_process(node):
            yield f"{path.name}:{node.lineno}: arithmetic with the process id"
        if isinstance(node, ast.FunctionDef):
            yield from (f"{path.name}:{line}: used after its socket was closed" for line in _given_back(node))


def _numbers(tree: ast.Module) -> dict[str, int]:
    """Return the constants of a module that are numbers."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, int)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _opens(call: ast.Call, numbers: dict[str, int]) -> bool:
    """Return whether a call opens a port that is a number of the module's own."""
    addresses = [one for one in call.args if isinstance(one, ast.Tuple) and len(one.elts) > 1]
    given = [one.elts[1] for one in addresses] + [one.value for one in call.keywords if one.arg == "port"]
    return _called(call).endswith(OPENERS) and any(_number(one, numbers) for one in given)


def _number(node: ast.expr, numbers: dict[str, int]) -> object:
    return node.value if isinstance(node, ast.Constant) else numbers.get(getattr(node, "id", ""), 0)


def _is_by_chance(call: ast.Call) -> bool:
    bounds = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, int)]
    return _called(call) in BY_CHANCE and len(bounds) > 1 and LAST_PRIVILEGED < bounds[0] < bounds[1] <= LAST + 1


def _is_of_process(node: ast.BinOp) -> bool:
    return any(isinstance(one, ast.Call) and _called(one) == "getpid" for one in (node.left, node.right))


def _given_back(function: ast.FunctionDef) -> Iterator[int]:
    """Yield the lines that use a port whose socket a ``with`` has closed: the next socket may get it."""
    for block in ast.walk(function):
        if not isinstance(block, ast.With):
            continue
        sockets = {one.optional_vars.id for one in block.items if isinstance(one.optional_vars, ast.Name)}
        known = {
            name.id
            for node in ast.walk(block)
            if isinstance(node, ast.Assign) and _bound(node.value) in sockets
            for target in node.targets
            for name in ast.walk(target)
            if isinstance(name, ast.Name)
        }
        for node in ast.walk(function):
            if not isinstance(node, ast.Name) or node.lineno <= (block.end_lineno or 0):
                continue
            if isinstance(node.ctx, ast.Load) and node.id in known:
                yield node.lineno


def _bound(node: ast.expr) -> str:
    """Return the socket of ``SOCKET.getsockname()``, or of a part of that; empty for everything else."""
    call = node.value if isinstance(node, ast.Subscript) else node
    if not (isinstance(call, ast.Call) and _called(call) == "getsockname" and isinstance(call.func, ast.Attribute)):
        return ""
    return getattr(call.func.value, "id", "")


def test_no_test_makes_up_a_port() -> None:
    every = {str(path.relative_to(ROOT)): list(ports(path)) for path in ROOT.rglob("*.py")}
    found = {name: lines for name, lines in every.items() if lines}
    assert set(found) == set(OWN_NETWORK), f"use free_port of tests.support.ports: {found}"


@pytest.mark.parametrize(
    "lines",
    [
        "link.bind(('127.0.0.1', 4711))",
        "PORT = 4711\nlink.bind(('', PORT))",
        "with socket.create_server(('', 4711)) as server:\n    pass",
        "HTTPServer(('', 4711), Handler)",
        "Sshd(folder, port=4711)",
        "port = 20000 + os.getpid() % 10000",
        "port = random.randint(20000, 29999)",
        "def f():\n    with bound() as s:\n        p = s.getsockname()[1]\n    use(p)",
        "def f():\n    with bound() as s:\n        _, p = s.getsockname()\n    use(p)",
    ],
)
def test_a_port_that_is_made_up_is_found(tmp_path: Path, lines: str) -> None:
    (tmp_path / "made_up.py").write_text(lines)
    assert len(list(ports(tmp_path / "made_up.py"))) == 1


@pytest.mark.parametrize(
    "lines",
    [
        "link.bind(('127.0.0.1', 0))",
        "link.connect(('127.0.0.1', 4711))",
        "HTTPServer(('', free_port()), Handler)",
        "name = f'lab{os.getpid()}'",
        "def f():\n    with bound() as s:\n        p = s.getsockname()[1]\n        use(p)",
        "def f():\n    with bound() as s:\n        said = ask(s.getsockname()[1])\n    use(said)",
    ],
)
def test_other_numbers_are_not_ports_that_are_made_up(tmp_path: Path, lines: str) -> None:
    (tmp_path / "fine.py").write_text(lines)
    assert list(ports(tmp_path / "fine.py")) == []
