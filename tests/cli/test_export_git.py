"""``backup export --git``, with the real git."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from swarmnet.cli.commands.exports import committed
from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.errors import IncompleteError, SwarmnetError, UsageError
from swarmnet.model.backup import Completeness
from swarmnet.model.redaction import Cover
from swarmnet.model.state import HostFailure
from swarmnet.plan.recovery.exported import exported
from tests.support.backups import CANARY, a_document, a_state, documents

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.backup import BackupDocument


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    BackupKeys(tmp_path / "keys").create("alice")
    return tmp_path / "keys"


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["/usr/bin/git", "-C", str(folder), *words], capture_output=True, text=True, check=True
    ).stdout


def _later(**spec: object) -> BackupDocument:
    """Return a backup of the next day: another id and time, other versions and addresses, and a changed service."""
    state = a_state()
    web = state.services[0]
    web = web.model_copy(update={"version": 99, "id": "s9", "spec": web.spec.model_copy(update=spec)})
    taken = a_document(state.model_copy(update={"services": (web,)}))
    return taken.model_copy(update={"id": "f" * 32, "created": taken.created + timedelta(days=1)})


def test_one_commit_for_each_change_and_none_without(keys: Path, tmp_path: Path) -> None:
    history = tmp_path / "history"
    assert committed(a_document(), history, keys)
    assert committed(_later(), history, keys) is None
    assert committed(_later(replicas=5), history, keys)

    first, last = _git(history, "log", "--reverse", "--format=%s").splitlines()
    assert first.startswith("prod: ")
    assert last == "prod: services/web changed"
    assert '+ "replicas": 5' in _git(history, "show", "HEAD")
    assert _git(history, "status", "--porcelain") == ""


def test_a_secret_that_changes_is_seen_to_change_and_is_in_no_commit(keys: Path, tmp_path: Path) -> None:
    history = tmp_path / "history"
    committed(a_document(), history, keys)
    assert committed(_later(env={"DB_PASSWORD": "hunter2hunter2", "MODE": "fast"}), history, keys)

    reported = _git(history, "log", "-p")
    assert "DB_PASSWORD" in reported
    assert CANARY not in reported
    assert "hunter2hunter2" not in reported
    assert '"MODE"' not in "".join(line for line in _git(history, "show").splitlines() if line[:1] in "+-")


def test_what_is_gone_is_removed_and_what_else_is_there_is_left_alone(keys: Path, tmp_path: Path) -> None:
    history = tmp_path / "history"
    committed(a_document(), history, keys)
    (history / "README").write_text("mine")
    (history / "staged").write_text("mine, too")
    _git(history, "add", "staged")
    without = a_document(a_state().model_copy(update={"configs": ()}))

    assert committed(without, history, keys)

    assert _git(history, "log", "-1", "--format=%s").strip() == "prod: configs/site.conf removed"
    assert _git(history, "status", "--porcelain").splitlines() == ["A  staged", "?? README"]


def test_an_interrupted_export_is_committed_by_the_next(keys: Path, tmp_path: Path) -> None:
    history = tmp_path / "history"
    committed(a_document(), history, keys)
    lock = history / ".git/index.lock"
    lock.touch()
    with pytest.raises(SwarmnetError, match=r"index\.lock"):
        committed(_later(replicas=7), history, keys)
    lock.unlink()

    assert committed(_later(replicas=7), history, keys)
    assert _git(history, "log", "-1", "--format=%s").strip() == "prod: services/web changed"


def test_a_folder_of_something_else_is_refused(keys: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(UsageError, match="not a git repository"):
        committed(a_document(), tmp_path / "full", keys)


def test_a_partial_backup_is_refused_since_what_it_lacks_would_look_removed(keys: Path, tmp_path: Path) -> None:
    failures = (HostFailure(host="w1", reason="down"),)
    partial = a_document().model_copy(
        update={"completeness": Completeness(swarm=True, hosts=("m1",), failures=failures)}
    )
    with pytest.raises(IncompleteError):
        committed(partial, tmp_path / "history", keys)


@given(documents())
def test_any_names_give_plain_paths_each_its_own(document: BackupDocument) -> None:
    complete = document.model_copy(update={"completeness": Completeness(swarm=True, hosts=("m1",), failures=())})
    for path in exported(complete, Cover(key=bytes(16))):
        parts = path.split("/")
        assert all(part and part[0] != "." and part.isascii() and part == part.lower() for part in parts)
        assert parts[-1].endswith(".json")
