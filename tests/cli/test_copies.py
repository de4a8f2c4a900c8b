"""``backup copy``, and all that reads backups at a target, as they are typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from swarmnet.cli.commands import backup, keys
from swarmnet.cli.sealing import sealing_vault
from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.errors import TargetUnreachableError, UsageError
from swarmnet.model.events import ignore
from swarmnet.workflows.backup import Order, create
from tests.support.backup_targets import KINDS, Place
from tests.support.backups import CREATED, a_state
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=list(KINDS))
def at(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with KINDS[request.param](tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Return a directory with keys and one backup."""
    BackupKeys(tmp_path / "keys").create("alice")
    vault = sealing_vault(tmp_path / "keys", None, None, single_recipient=False)
    order = Order("prod", "ab" * 16, CREATED, "swarmnet 0.1.0")
    create(order, a_state, vault=vault, repository=DirectoryRepository(tmp_path / "backups"), listener=ignore)
    return tmp_path


def _run(here: Path, *words: str, repository: str = "") -> Result:
    where = ("--repository", repository or str(here / "backups"), "--keys", str(here / "keys"))
    return CliRunner().invoke(backup.app, [*words, *where])


def test_a_copy_is_read_from_the_target_as_from_a_directory(here: Path, at: Place) -> None:
    (copied,) = json.loads(_run(here, "copy", "--to", at.url, "--json").stdout)["copies"]
    assert (copied["outcome"], copied["problem"]) == ("copied", None)

    (entry,) = json.loads(_run(here, "list", "--json", repository=at.url).stdout)["backups"]
    assert entry["path"] == copied["target"]
    assert json.loads(_run(here, "show", "--json", repository=at.url).stdout)["id"] == "ab" * 16
    assert _run(here, "check", "--all", repository=at.url).exit_code == 0
    assert "present" in _run(here, "copy", "--all", "--to", at.url).stdout
    pruned = _run(here, "prune", "--cluster", "prod", "--keep-last", "1", "--yes", repository=at.url)
    assert pruned.exit_code == 0


def test_a_path_of_this_machine_is_read_here_whatever_the_repository_is(here: Path, at: Place) -> None:
    (path,) = (here / "backups/prod").glob("*.swarmnet")
    assert json.loads(_run(here, "show", str(path), "--json", repository=at.url).stdout)["id"] == "ab" * 16


def test_copying_needs_no_identity(here: Path) -> None:
    (here / "keys/identity.txt").unlink()
    assert _run(here, "copy", "--to", str(here / "stick")).exit_code == 0


@pytest.mark.parametrize("url", ["sftp://127.0.0.1:{port}/srv", "s3://copies/x"])
def test_a_target_that_does_not_answer_ends_with_75_and_says_what_to_do(
    here: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("HOME", str(here))
    address = url.format(port=port)

    copied = _run(here, "copy", "--all", "--to", address)
    assert copied.exit_code == 75
    assert "run the command again" in copied.stdout
    assert isinstance(_run(here, "list", repository=address).exception, TargetUnreachableError)


@pytest.mark.parametrize("words", [("create", "-i", "hosts.yml"), ("rewrap",)], ids=" ".join)
@pytest.mark.parametrize("url", ["s3://copies/x", "sftp://nas/srv"])
def test_what_writes_backups_needs_a_directory(here: Path, words: tuple[str, ...], url: str) -> None:
    app = keys.app if words == ("rewrap",) else backup.app
    error = CliRunner().invoke(app, [*words, "--repository", url, "--keys", str(here / "keys")]).exception
    assert isinstance(error, UsageError)
    assert "backup copy" in (error.hint or "")
