"""README and docs are executed: what they tell a reader to type works, in its order."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from swarmnet.cli.main import COMMANDS, build
from swarmnet.parse.inventory import parse_inventory
from swarmnet.parse.playbook import parse_playbook
from tests.docs.console import Typed, blocks, mentioned, parse_error, run_in_the_lab, shown, wrong_with
from tests.support.commands import Operator
from tests.support.recipe import opened_by_recipe

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
FIRST = (README, ROOT / "docs" / "tutorial.md")
"""What a reader follows in order; all other pages begin where these end."""
OTHERS = tuple(sorted(page for page in (ROOT / "docs").rglob("*.md") if page not in FIRST))
PAGES = (*FIRST, *OTHERS, ROOT / "CONTRIBUTING.md")
LANGUAGES = {"sh", "console", "bash", "yaml", "text", "diff", "python"}


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def every(kind: str) -> list[tuple[Path, Typed]]:
    of_page = {"mentioned": mentioned, "shown": shown, "run": run_in_the_lab}[kind]
    return [(page, typed) for page in PAGES for typed in of_page(page)]


def test_names_every_command_and_no_other() -> None:
    table = re.search(r"^## Commands$(.*?)^## ", README.read_text(), re.DOTALL | re.MULTILINE)
    assert table

    assert set(re.findall(r"^\| `swarmnet ([a-z]+)", table[1], re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_names_every_verb_and_no_other(name: str) -> None:
    row = re.search(rf"^\| `swarmnet {name}( [a-z|\\-]+)?", README.read_text(), re.MULTILINE)
    command = get_command(build([name])).commands[name]  # type: ignore[attr-defined]
    assert row

    verbs = set(command.commands) if isinstance(command, TyperGroup) else None
    assert verbs is None or verbs == set((row[1] or "").strip().replace("\\|", "|").split("|"))


def test_is_short() -> None:
    assert len(README.read_text().splitlines()) < 150


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_has_only_blocks_that_a_test_looks_at(page: Path) -> None:
    fences = re.findall(r"^ *```(.*)$", page.read_text(), re.MULTILINE)

    assert len(fences) % 2 == 0
    assert set(fences[::2]) <= LANGUAGES
    assert set(fences[1::2]) <= {""}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()

    for target in set(re.findall(r"`make ([a-z]+)`|^make ([a-z]+)$", page.read_text(), re.MULTILINE)):
        assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize(("page", "typed"), every("mentioned"), ids=str)
def test_a_command_that_is_mentioned_has_these_verbs_and_options(page: Path, typed: Typed) -> None:
    assert wrong_with(typed.argv[1:]) is None, f"{page}: {typed}"


@pytest.mark.parametrize(("page", "typed"), every("shown"), ids=str)
def test_a_command_for_hosts_of_your_own_is_one_that_swarmnet_accepts(page: Path, typed: Typed) -> None:
    if typed.argv[0] == "pipx":
        return
    assert typed.argv[0] == "swarmnet", f"{page}: {typed}"
    assert wrong_with(typed.argv[1:]) is None, f"{page}: {typed}"
    assert parse_error(typed.argv[1:]) is None, f"{page}: {typed}"


@pytest.mark.parametrize(("page", "typed"), every("run"), ids=str)
def test_a_command_for_the_lab_is_one_that_swarmnet_accepts(page: Path, typed: Typed) -> None:
    if typed.argv[0] == "swarmnet":
        assert parse_error(typed.argv[1:]) is None, f"{page}: {typed}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_its_documents_can_be_read(page: Path, tmp_path: Path) -> None:
    hosts = None  # of the inventory above on the page
    for text in blocks(page, "yaml"):
        if re.search("^steps:", text, re.MULTILINE):
            assert parse_playbook(text.encode(), page.name, inventory=hosts).steps
        elif re.search("^cluster:", text, re.MULTILINE):
            hosts = parse_inventory(text.encode(), name=page.name, folder=tmp_path).inventory
            assert hosts.hosts
        else:
            assert re.search("^jobs:", text, re.MULTILINE), f"neither a document of swarmnet nor a job of CI:\n{text}"


@pytest.mark.lab
@pytest.mark.timeout(1400)  # some fifty commands on hosts with kernels of their own
def test_what_it_shows_works_in_its_order(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    name = f"readme{os.getpid()}"
    (tmp_path / "playbooks").symlink_to(ROOT / "playbooks")
    # Installing is what runs this test, and the set-up of the lab is what its other tests need, too.
    typed = [one for page in (*FIRST, *OTHERS) for one in run_in_the_lab(page) if one.argv[0] == "swarmnet"]
    down = ("swarmnet", "lab", "down")
    assert down in [one.argv for one in typed]
    try:
        for one in typed:
            if one.argv not in (down, ("swarmnet", "lab", "setup", "--yes")):  # later pages use the same lab
                before, after = _split(one.argv[1:])
                own_name = ["--name", name] if before[0] == "lab" else []
                operator.types(*before, *own_name, *after, exits=one.exits)
        assert_opens_without_swarmnet(operator)
    finally:
        operator.types("lab", "down", "--name", name)


def _split(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the words of swarmnet, and those of another program that follow ``--``."""
    end = words.index("--") if "--" in words else len(words)
    return words[:end], words[end:]


def assert_opens_without_swarmnet(operator: Operator) -> None:
    """Check and open the newest backup by the recipe of the docs."""
    latest = operator.asks("backup", "show", "latest")["id"]
    backups = operator.asks("backup", "list")["backups"]
    (path,) = [Path(one["path"]) for one in backups if one["header"]["id"] == latest]
    keys = operator.asks("keys", "list")

    opened = opened_by_recipe(operator.directory, path, keys["identity"], keys["directory"])

    assert opened["id"] == latest


def test_shell_blocks_hold_nothing_that_the_tests_do_not_run() -> None:
    others = {str(typed) for _page, typed in every("run") if typed.argv[0] != "swarmnet"}

    assert others == {"make install", ". .venv/bin/activate"}
