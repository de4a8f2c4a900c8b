"""``swarmnet convert``: a stack file as a playbook, on stdout, in a file, and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from swarmnet.cli.main import build
from swarmnet.cli.planning import operator_files
from swarmnet.edge.operator.contents import LocalContents
from swarmnet.errors import DocumentError
from swarmnet.operations.playbook import with_contents
from swarmnet.parse.env_files import with_env_files
from swarmnet.parse.playbook import parse_playbook

COMPOSE = """\
services:
  web:
    image: nginx:${TAG}
    container_name: web
    env_file: web.env
    configs: [page]
configs:
  page: {file: ./page.html}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with a stack file and what it names."""
    (tmp_path / "compose.yml").write_text(COMPOSE)
    (tmp_path / ".env").write_text("TAG=1.27\n")
    (tmp_path / "web.env").write_text("A=1\n")
    (tmp_path / "page.html").write_text("hello")
    (tmp_path / "books").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(*words: str) -> tuple[str, str]:
    """Return what the command prints on stdout and stderr."""
    done = CliRunner().invoke(build(["convert"]), ["convert", *words])
    if done.exception is not None:
        raise done.exception
    return done.stdout, done.stderr


def test_a_stack_file_is_printed_as_a_playbook_and_ignored_keys_on_stderr(folder: Path) -> None:
    stdout, stderr = printed("compose.yml", "--name", "shop")

    book = parse_playbook(stdout.encode(), str(folder / "p.yml"))
    assert [one.operation.name_in_playbook for one in book.steps] == ["network", "config", "service"]
    assert "image: nginx:1.27" in stdout
    assert "env_file: [web.env]" in stdout
    assert stderr.startswith("compose.yml:4:5: container_name: ignored: ")


def test_paths_in_a_playbook_of_another_folder_lead_to_the_same_files(folder: Path) -> None:
    printed("compose.yml", "--name", "shop", "-o", "books/shop.yml")

    book = parse_playbook((folder / "books/shop.yml").read_bytes(), "books/shop.yml")
    read = with_contents(book, LocalContents({}))
    assert [one.operation.unread() for one in read.steps] == [None, None, None]


SECRETS = """\
services:
  web:
    image: nginx:${TAG}
    env_file: web.env
    environment: {URL: "postgres://app:${DB_PASS}@db/app", LEVEL: debug, TOKEN: null}
"""


def test_values_of_env_files_are_printed_only_when_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "compose.yml").write_text(SECRETS)
    (folder / ".env").write_text("TAG=1.27\nDB_PASS=s3cr3t-word\n")
    (folder / "web.env").write_text("API_KEY=file-secret\n")
    monkeypatch.setenv("TOKEN", "typed-secret")
    secrets = ("s3cr3t-word", "file-secret", "typed-secret")

    for more in ((), ("--json",), ("--json", "-o", "made.yml")):
        stdout, stderr = printed("compose.yml", "--name", "shop", *more)
        assert not [one for one in secrets if one in stdout + stderr]
        assert "debug" in stdout
        assert "postgres://app:***@db/app" in stdout
        assert "hidden" in stderr

    stdout, stderr = printed("compose.yml", "--name", "shop", "--show-values")
    assert all(one in stdout for one in secrets)
    assert "hidden" not in stderr


def test_a_written_playbook_has_what_the_step_of_the_file_has(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "compose.yml").write_text(SECRETS)
    (folder / ".env").write_text("TAG=1.27\nDB_PASS=s3cr3t-word\n")
    monkeypatch.setenv("TOKEN", "typed-secret")
    printed("compose.yml", "--name", "shop", "-o", "books/shop.yml")
    printed("compose.yml", "--name", "shop", "--show-values", "-o", "books/filled.yml")

    read = operator_files(Path("books"))
    books = [
        with_env_files(parse_playbook((folder / "books" / name).read_bytes(), f"books/{name}"), read, {})
        for name in ("shop.yml", "filled.yml")
    ]
    assert books[0].steps[-1].operation == books[1].steps[-1].operation
    assert "s3cr3t-word" in (folder / "books/shop.yml").read_text()
    assert (folder / "books/shop.yml").stat().st_mode & 0o077 == 0


def test_a_variable_that_the_file_takes_away_from_an_env_file_cannot_be_said(folder: Path) -> None:
    (folder / "compose.yml").write_text("services: {web: {image: i, env_file: web.env, environment: {A: }}}")

    with pytest.raises(DocumentError, match=r"A has no value here and takes that of web\.env away"):
        printed("compose.yml", "--name", "shop")
    assert "env" not in printed("compose.yml", "--name", "shop", "--show-values")[0]


def test_programs_get_the_steps_and_what_is_ignored(folder: Path) -> None:
    document = json.loads(printed("compose.yml", "--name", "shop", "--json")[0])

    assert [next(iter(one)) for one in document["steps"]] == ["network", "config", "service"]
    assert [(one["file"], one["line"]) for one in document["notes"]] == [("compose.yml", 4)]
    assert (folder / "compose.yml").read_text() == COMPOSE


def test_problems_name_the_file_as_it_was_typed(folder: Path) -> None:
    (folder / ".env").unlink()

    with pytest.raises(DocumentError, match=r"^compose\.yml:3:5: variable TAG is not set"):
        printed("compose.yml", "--name", "shop", "-o", "books/shop.yml")
    assert [*(folder / "books").iterdir()] == []


def test_a_playbook_is_not_a_stack_file(folder: Path) -> None:
    (folder / "p.yml").write_text("schema: 1\nname: x\nsteps: [{swarm: {}}]\n")

    with pytest.raises(DocumentError, match="this is a playbook, not a Compose file"):
        printed("p.yml")
