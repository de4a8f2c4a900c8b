"""However the command line is wrong, the answer has one form: text for people, one JSON document for programs."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import SWARMNET

if TYPE_CHECKING:
    from pathlib import Path

WRONG = {
    "an unknown option": ("plan", "site.yml", "--frob"),
    "an unknown short option": ("plan", "-Z"),
    "an option without its value": ("status", "-i"),
    "a value that is not a number": ("status", "-i", "lab.yml", "--timeout", "soon"),
    "a value out of bounds": ("status", "-i", "lab.yml", "--timeout", "0"),
    "a missing argument": ("plan", "-i", "lab.yml"),
    "a missing option": ("status",),
    "an argument too many": ("status", "-i", "lab.yml", "m1"),
    "an unknown command": ("frob",),
    "an unknown verb": ("backup", "frob"),
    "an option before the command": ("--frob", "plan"),
}


@dataclass(frozen=True)
class Ended:
    code: int
    stdout: str
    stderr: str


def types(directory: Path, *argv: str) -> Ended:
    done = subprocess.run([SWARMNET, *argv], cwd=directory, capture_output=True, text=True, check=False, timeout=240)
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("words", WRONG.values(), ids=WRONG.keys())
def test_under_json_stdout_holds_the_error_document_that_stderr_tells_people(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    ended = types(tmp_path, *words[:1], "--json", *words[1:])

    reported = json.loads(ended.stdout)
    assert (ended.code, reported["schema"], reported["exit_code"]) == (2, 1, 2)
    assert ended.stderr == f"error: {reported['error']}\nhint: {reported['hint']}\n"
    assert "--help" in reported["hint"]


def test_errors_of_the_option_parser_and_of_the_command_have_the_same_keys(tmp_path: Path) -> None:
    parsers, commands = (types(tmp_path, *words) for words in (("plan", "--json"), ("status", "-i", "none", "--json")))

    assert json.loads(parsers.stdout).keys() == json.loads(commands.stdout).keys()


def test_without_json_stdout_stays_empty(tmp_path: Path) -> None:
    ended = types(tmp_path, "plan", "site.yml", "--frob")

    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: No such option: --frob")


def test_a_word_for_another_program_does_not_ask_for_json(tmp_path: Path) -> None:
    ended = types(tmp_path, "lab", "exec", "--frob", "--", "ip", "--json")

    assert (ended.code, ended.stdout) == (2, "")


def test_what_a_stranger_typed_reaches_the_screen_without_its_terminal_escapes(tmp_path: Path) -> None:
    ended = types(tmp_path, "\x1b[2Jfrob", "--json")

    assert ended.code == 2
    assert "\x1b" not in ended.stdout + ended.stderr


def test_a_command_of_verbs_alone_shows_them(tmp_path: Path) -> None:
    ended = types(tmp_path, "backup")

    assert (ended.code, ended.stdout) == (2, "")
    assert "Commands:" in ended.stderr


def test_version_needs_no_command(tmp_path: Path) -> None:
    ended = types(tmp_path, "--version")

    assert (ended.code, ended.stdout.split()[0]) == (0, "swarmnet")


def test_a_new_unlock_key_never_replaces_a_file(tmp_path: Path) -> None:
    kept = tmp_path / "old.key"
    kept.write_text("SWMKEY-1-old")

    ended = types(tmp_path, "rotate", "unlock-key", "-i", "lab.yml", "--key-file", "old.key")

    assert ended.code == 2
    assert "old.key exists, and no key is overwritten" in ended.stderr
    assert kept.read_text() == "SWMKEY-1-old"
