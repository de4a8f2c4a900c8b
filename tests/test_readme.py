"""The README is executed: what it tells a stranger to type works, in its order."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from swarmnet.cli.main import COMMANDS, build
from swarmnet.lab.faults import FAMILIES
from swarmnet.parse.inventory import parse_inventory
from swarmnet.parse.playbook import parse_playbook
from swarmnet.verify.scenarios import ALL
from tests.support.commands import Operator
from tests.support.recipe import opened_by_recipe

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """Return every fenced block of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def typed() -> list[list[str]]:
    """Return the commands of all shell blocks in order, as argument lists without comments."""
    lines = (line for block in blocks("sh") for line in block.splitlines())
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def mentioned() -> list[str]:
    """Return the commands that stand in the text and in tables, as they are written."""
    text = re.sub(r"^```.*?^```", "", README, flags=re.DOTALL | re.MULTILINE)
    names = "|".join(COMMANDS)
    found = re.findall(rf"`((?:swarmnet|(?:swarmnet )?(?:{names})) [^`]+)`", text)
    return sorted({" ".join(("swarmnet " + one.removeprefix("swarmnet ")).split()) for one in found})


def test_names_every_command_and_no_other() -> None:
    table = re.search(r"^## Commands$(.*?)^## ", README + "\n## ", re.DOTALL | re.MULTILINE)
    assert table

    assert set(re.findall(r"^\| `swarmnet ([a-z]+)", table[1], re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_names_every_verb_and_no_other(name: str) -> None:
    row = re.search(rf"^\| `swarmnet {name}( [a-z|\\]+)?", README, re.MULTILINE)
    command = get_command(build([name])).commands[name]  # type: ignore[attr-defined]
    assert row

    verbs = set(command.commands) if isinstance(command, TyperGroup) else None
    assert verbs is None or verbs == set((row[1] or "").strip().replace("\\|", "|").split("|"))


def test_names_every_scenario_and_no_other() -> None:
    table = re.search(r"^## Verify$(.*?)^## ", README, re.DOTALL | re.MULTILINE)
    assert table
    first_cells = re.findall(r"^\| (`.*?) \|", table[1], re.MULTILINE)

    assert {name for cell in first_cells for name in re.findall(r"`([a-z0-9-]+)`", cell)} == {one.name for one in ALL}


def test_names_every_fault_and_no_other_with_options_that_it_takes() -> None:
    table = re.search(r"^## Lab$(.*?)^## ", README, re.DOTALL | re.MULTILINE)
    assert table
    cells = re.findall(r"^\| (`.*?) \|", table[1], re.MULTILINE)
    examples = [example.split() for cell in cells for example in re.findall(r"`([^`]+)`", cell)]
    command = get_command(build(["lab"]))
    for word in ("lab", "break"):
        assert isinstance(command, TyperGroup)
        command = command.commands[word]
    known = {option for parameter in command.params for option in parameter.opts}

    assert {words[0] for words in examples if not words[0].startswith("--")} == set(FAMILIES)
    assert {word.partition("=")[0] for words in examples for word in words if word.startswith("--")} <= known


def test_has_no_block_that_no_test_looks_at() -> None:
    fences = re.findall(r"^```(.*)$", README, re.MULTILINE)

    assert len(fences) % 2 == 0
    # Shell is run, YAML is read; the one block without a language is the picture of the architecture.
    assert sorted(fences[::2]) == ["", "bash", "sh", "sh", "yaml", "yaml"]


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()

    for target in set(re.findall(r"`?make ([a-z]+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("text", mentioned())
def test_a_command_that_it_mentions_has_these_verbs_and_options(text: str) -> None:
    words = text.replace("\\|", "|").split()[1:]
    options = [word.strip("[]") for word in words if word.strip("[]").startswith("--")]
    command = get_command(build(words[:1]))
    for word in words:
        if isinstance(command, TyperGroup) and not word.startswith("--"):
            for verb in word.split("|"):
                assert verb in command.commands, f"{text}: no {verb}"
            command = command.commands[word.split("|")[0]]

    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {option.partition("=")[0] for option in options} <= known | {"--install-completion"}


def test_its_inventory_and_its_playbook_can_be_read(tmp_path: Path) -> None:
    (inventory, playbook) = blocks("yaml")

    hosts = parse_inventory(inventory.encode(), name="README.md", folder=tmp_path).inventory
    steps = parse_playbook(playbook.encode(), "README.md").steps

    assert [host.name for host in hosts.hosts] == ["m1", "w1"]
    assert len(steps) > len(hosts.hosts)


@pytest.mark.lab
def test_what_it_shows_works_in_its_order(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    name = f"readme{os.getpid()}"
    (tmp_path / "playbooks").symlink_to(ROOT / "playbooks")
    # Installing is what runs this test, and the set-up of the lab is what its other tests stand on.
    shown = [words[1:] for words in typed() if words[0] == "swarmnet" and words[1:3] != ["lab", "setup"]]
    down = ["lab", "down"]
    assert down in shown
    try:
        for words in shown:
            if words != down:  # what later blocks show is for the same lab
                own_name = ["--name", name] if words[0] == "lab" else []
                operator.types(*words, *own_name)
        assert_opens_without_swarmnet(operator)
    finally:
        operator.types(*down, "--name", name)


def assert_opens_without_swarmnet(operator: Operator) -> None:
    """Check and open the newest backup by the README's recipe."""
    (backup,) = operator.asks("backup", "list")["backups"]
    keys = operator.asks("keys", "list")

    opened = opened_by_recipe(operator.directory, Path(backup["path"]), keys["identity"], keys["directory"])

    assert opened["id"] == operator.asks("backup", "show", "latest")["id"]


def test_its_shell_blocks_hold_nothing_that_the_tests_do_not_run() -> None:
    others = {" ".join(words) for words in typed() if words[0] != "swarmnet"}

    assert others == {"make install", ". .venv/bin/activate"}
