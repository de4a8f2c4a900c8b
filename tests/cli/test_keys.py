from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typer.testing import CliRunner, Result

from swarmnet.cli.keys import app
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def _run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_init_shows_the_recovery_identity_once_and_no_other_private_key(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    result = _run("init", "--directory", str(keys), "--name", "alice")
    assert result.exit_code == 0
    assert result.stdout.count("AGE-SECRET-KEY-1") == 1
    identity = (keys / "identity.txt").read_text().strip()
    assert identity not in result.stdout
    assert "PRIVATE KEY" not in result.stdout
    assert "AGE-SECRET-KEY-1" not in _run("list", "--directory", str(keys), "--json").stdout


def test_a_recovery_file_is_private_and_then_nothing_is_shown(tmp_path: Path) -> None:
    stick = tmp_path / "recovery.txt"
    result = _run("init", "--directory", str(tmp_path / "keys"), "--recovery-file", str(stick), "--json")
    assert "AGE-SECRET-KEY-1" not in result.stdout
    assert json.loads(result.stdout)["recovery_identity"] == str(stick)
    assert stick.stat().st_mode & 0o777 == 0o600
    assert stick.read_text().startswith("AGE-SECRET-KEY-1")


def test_recipients_come_and_go_by_name(tmp_path: Path) -> None:
    where = ("--directory", str(tmp_path / "keys"))
    _run("init", *where, "--name", "alice")
    other = tmp_path / "bob"
    _run("init", "--directory", str(other), "--name", "bob")
    public = (other / "recipients.txt").read_text().split()[0]
    assert _run("add", public, "--name", "bob", *where).exit_code == 0
    listed = json.loads(_run("list", *where, "--json").stdout)
    assert [one["name"] for one in listed["recipients"]] == ["alice", "recovery", "bob"]
    assert _run("remove", "bob", *where).exit_code == 0
    assert isinstance(_run("remove", "bob", *where).exception, UsageError)


def test_what_is_no_key_is_refused_without_repeating_it(tmp_path: Path) -> None:
    private = "AGE-SECRET-KEY-1" + "Q" * 58
    result = _run("add", private, "--directory", str(tmp_path))
    assert isinstance(result.exception, UsageError)
    assert "Q" not in str(result.exception)
