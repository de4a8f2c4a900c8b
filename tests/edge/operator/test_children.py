"""Programs that swarmnet starts on the operator's machine do not get what is its own (M7)."""

from __future__ import annotations

import ast
from pathlib import Path

import swarmnet.edge
from swarmnet.edge.operator.children import child_environment

EDGE = Path(swarmnet.edge.__file__).parent


def test_swarmnets_own_variables_stay_here() -> None:
    environment = {"PATH": "/bin", "SWARMNET_KEY_PASSPHRASE": "x", "SWARMNET_YES": "1", "HOME": "/root"}

    assert child_environment(environment) == {"PATH": "/bin", "HOME": "/root"}


STARTS = {"Popen", "run", "call", "check_call", "check_output"}


def test_every_program_is_started_with_an_environment_that_someone_chose() -> None:
    """Finds the next one: a call without ``env`` hands on all of this process's environment."""
    calls = [
        (file.name, call.lineno, {keyword.arg for keyword in call.keywords})
        for file in sorted(EDGE.rglob("*.py"))
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        if isinstance(call.func.value, ast.Name) and call.func.value.id == "subprocess" and call.func.attr in STARTS
    ]

    assert len(calls) >= 4
    assert [(name, line) for name, line, words in calls if "env" not in words] == []
