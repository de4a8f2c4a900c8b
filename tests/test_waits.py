"""One way to wait: ``look_until``, and ``wait_until`` on top of it (``swarmnet/model/clock.py``)."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import swarmnet

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(swarmnet.__file__).parent
NOT_WAITS = {
    "cli/scheduler.py": "goes on without end",
    "cli/watching.py": "goes on without end",
    "model/clock.py": "the one way itself",
    "workflows/service_log.py": "follows a log without end",
}


def waits(path: Path) -> Iterator[str]:
    """Yield each ``while`` of a module that pauses by the clock: a wait that is written by hand."""
    for loop in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(loop, ast.While):
            for call in ast.walk(loop):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "sleep":
                    yield f"{path}:{loop.lineno}"


def test_no_module_waits_by_hand() -> None:
    # The program in probe containers imports nothing of swarmnet.
    modules = (path for path in ROOT.rglob("*.py") if ROOT / "probe" not in path.parents)
    found = {str(path.relative_to(ROOT)): list(waits(path)) for path in modules}
    assert {name for name, loops in found.items() if loops} == set(NOT_WAITS), "use look_until of swarmnet.model.clock"


def test_no_test_waits_by_hand() -> None:
    # Some of the benchmark is written as without swarmnet; a late listener and slow carriers go on without end.
    left = {"bench/raw.py", "probe/test_knocks.py", "support/busy_path.py"}
    modules = Path(__file__).parent.rglob("*.py")
    found = {str(path.relative_to(Path(__file__).parent)) for path in modules if [*waits(path)]}
    assert found <= left, "use soon or seen of tests.support.waiting"


def test_a_wait_by_hand_is_found(tmp_path: Path) -> None:
    module = tmp_path / "byhand.py"
    module.write_text("def wait(clock):\n    while clock.monotonic() < 9:\n        clock.sleep(1)\n")
    assert list(waits(module)) == [f"{module}:2"]
