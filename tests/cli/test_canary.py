"""What comes from the environment is in no error, whichever field of whichever operation holds it (H8)."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from swarmnet.operations import BY_NAME
from tests.support.commands import SWARMNET

if TYPE_CHECKING:
    from pathlib import Path

CANARY = 'it\'s-a-"canary"/of errors'
INVENTORY = {
    "schema": 1,
    "cluster": "shop",
    "ssh": {"port": 1, "connect_timeout": 1, "connect_attempts": 1},
    "hosts": {"m1": {"address": "127.0.0.1", "role": "manager"}},
}
REFERENCE = "${env:CANARY}"
HOSTILE = "x\x1b[2J\u202e\r\nok: forged\nerror: forged"
FORMS = (REFERENCE, [REFERENCE], {"x": REFERENCE}, [{"name": REFERENCE}], f"--pw={REFERENCE}")


def reported(folder: Path, steps: list[object], *words: str) -> str:
    (folder / "hosts.yml").write_text(json.dumps(INVENTORY))
    (folder / "p.yml").write_text(json.dumps({"schema": 1, "name": "p", "steps": steps}))
    done = subprocess.run(
        [SWARMNET, words[0], "p.yml", "-i", "hosts.yml", *words[1:]],
        cwd=folder,
        env={**os.environ, "CANARY": CANARY, HOSTILE: HOSTILE},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize("words", [("plan",), ("plan", "--json", "-v"), ("apply", "--yes"), ("verify",)])
def test_no_error_shows_it(tmp_path: Path, words: tuple[str, ...]) -> None:
    fields = [(name, field.alias or key) for name, one in BY_NAME.items() for key, field in one.model_fields.items()]
    steps: list[object] = [{name: {field: form}} for name, field in fields for form in FORMS[:3]]

    said = reported(tmp_path, steps, *words)

    assert "***" in said
    assert "canary" not in said


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_no_error_of_a_step_that_stands_alone_shows_it(tmp_path: Path, form: object) -> None:
    steps: list[object] = [
        {"service": {"name": "web", "image": "web:1", "labels": form, "ports": form}},
        {"command": {"argv": form, "timeout": form}, "on": form},
        {"network": {"name": form, "subnets": form}, "for": form},
    ]

    assert "canary" not in reported(tmp_path, steps, "plan")


def test_no_name_in_a_playbook_forges_a_line_or_steers_the_terminal(tmp_path: Path) -> None:
    steps: list[object] = [
        {HOSTILE: {}},
        {"network": {"name": HOSTILE, "subnets": [HOSTILE], HOSTILE: HOSTILE}},
        {"service": {"name": HOSTILE, "image": HOSTILE, "networks": [HOSTILE], "env": {HOSTILE: HOSTILE}}},
        {"secret": {"name": "s", "from": {"file": HOSTILE}}},
        {"config": {"name": "c", "from": {"command": [HOSTILE]}}},
        {"node": {}, "on": HOSTILE},
    ]

    for words in (("plan",), ("plan", "-v"), ("apply", "--yes"), ("verify",)):
        lines = reported(tmp_path, steps, *words).splitlines()
        assert any("forged" in line for line in lines)
        assert all(line.isprintable() for line in lines)
        assert not [line for line in lines if line.startswith(("ok: forged", "error: forged"))]
