"""The README is executed: what it tells a stranger to type works, in its order."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from swarmnet.cli.main import COMMANDS
from tests.stories.commands import Operator

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
INCONCLUSIVE = 3
"""How verify ends on a kernel that cannot do all that the example asks for."""


def typed(heading: str) -> list[list[str]]:
    """Return the commands of the shell block below a heading, as argument lists without comments."""
    block = re.search(rf"^## {heading}$.*?^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert block, f"no shell block below {heading}"
    return [words for line in block[1].splitlines() if (words := shlex.split(line, comments=True))]


def test_names_every_command_and_no_other() -> None:
    table = re.search(r"^## Commands$(.*?)^## ", README + "\n## ", re.DOTALL | re.MULTILINE)
    assert table

    assert set(re.findall(r"^\| `swarmnet ([a-z]+)", table[1], re.MULTILINE)) == set(COMMANDS)


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()

    for target in set(re.findall(r"`?make ([a-z]+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.lab
def test_what_it_shows_works_in_its_order(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    name = f"readme{os.getpid()}"
    (tmp_path / "playbooks").symlink_to(ROOT / "playbooks")
    # Installing is what runs this test, and the set-up of the lab is what its other tests stand on.
    shown = [words[1:] for words in typed("Five minutes") if words[0] == "swarmnet" and words[1:3] != ["lab", "setup"]]
    *first, last = shown
    assert last == ["lab", "down"]
    try:
        for words in [*first, *(words[1:] for words in typed("Backup and restore"))]:
            own_name = ["--name", name] if words[0] == "lab" else []
            operator.types(*words, *own_name, exits=(0, INCONCLUSIVE) if words[0] == "verify" else (0,))
    finally:
        operator.types(*last, "--name", name)
