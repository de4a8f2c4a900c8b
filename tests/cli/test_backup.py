from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from swarmnet.cli.commands.backup import app
from swarmnet.cli.sealing import OneHeader, sealing_vault
from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.errors import BackupNotFoundError, DamagedError, SwarmnetError, UsageError, WrongKeyError
from swarmnet.model.events import ignore
from swarmnet.model.sources import SourceFile, Sources
from swarmnet.plan.recovery.subnet_map import SubnetMap, moved
from swarmnet.workflows.backup import Order, create
from tests.support.backups import CANARY, CREATED, a_document, a_state

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a directory with keys and one backup."""
    BackupKeys(tmp_path / "keys").create("alice")
    vault = sealing_vault(tmp_path / "keys", None, None, single_recipient=False)
    order = Order("prod", "ab" * 16, CREATED, "swarmnet 0.1.0", tags=("\x1b[31mred",))
    repository = DirectoryRepository(tmp_path / "backups")
    create(order, a_state, vault=vault, repository=repository, listener=ignore)
    return tmp_path


def _run(place: Path, *words: str) -> Result:
    where = ("--repository", str(place / "backups"), "--keys", str(place / "keys"))
    return CliRunner().invoke(app, [*words, *where])


def test_list_and_show_tell_what_there_is(place: Path) -> None:
    (entry,) = json.loads(_run(place, "list", "--json").stdout)["backups"]
    assert entry["header"]["complete"]
    shown = json.loads(_run(place, "show", "latest", "--json").stdout)
    assert (shown["networks"], shown["services"], shown["secrets"]) == (["front", "vault"], ["web"], ["tls-key"])
    assert {"ids", "virtual-ips", "secret"} <= {loss["kind"] for loss in shown["losses"]}


def test_the_playbook_of_a_backup_is_returned_into_a_new_directory(place: Path) -> None:
    files = (SourceFile(name="site.yml", content=b"steps\n"), SourceFile(name="www/page.html", content=b"\xff"))
    sources = Sources(playbook="site.yml", inventory="hosts.yml", files=files, missing=("key.pem",))
    order = Order("prod", "cd" * 16, CREATED + timedelta(hours=1), "swarmnet 0.1.0", sources=sources)
    vault = sealing_vault(place / "keys", None, None, single_recipient=False)
    create(order, a_state, vault=vault, repository=DirectoryRepository(place / "backups"), listener=ignore)
    out = place / "out"

    reported = _run(place, "show", "latest", "--files-to", str(out))

    assert reported.exit_code == 0
    assert {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.*")} == sources.named
    assert "key.pem" in reported.stderr
    again = _run(place, "show", "latest", "--files-to", str(out))
    assert (type(again.exception), "no file is overwritten" in str(again.exception)) == (UsageError, True)
    export = _run(place, "export", "latest")
    assert (export.exit_code, "c3RlcHMK" in export.stdout, "6 bytes, sha256" in export.stdout) == (0, False, True)


def test_a_backup_without_a_playbook_says_so(place: Path) -> None:
    reported = _run(place, "show", "latest", "--files-to", str(place / "out"))
    assert "holds no playbook" in str(reported.exception)
    assert not (place / "out").exists()


def test_text_of_a_backup_cannot_steer_the_terminal(place: Path) -> None:
    result = _run(place, "list")
    assert "\x1b" not in result.stdout
    assert "red" in result.stdout


def test_check_opens_with_an_identity_and_is_inconclusive_without(place: Path) -> None:
    assert _run(place, "check").exit_code == 0
    (place / "keys" / "identity.txt").unlink()
    result = _run(place, "check")
    assert (result.exit_code, "not checked: that a recipient opens it" in result.stdout) == (3, True)


def test_what_undo_asks_of_a_backup_needs_no_identity_but_a_trusted_signer(place: Path) -> None:
    source = OneHeader(repository=str(place / "backups"), keys=place / "keys")
    (place / "keys" / "identity.txt").write_text("no identity at all")

    assert source.header("latest", cluster="prod").id == "ab" * 16

    BackupKeys(place / "others").create("bob")
    with pytest.raises(WrongKeyError, match="not trusted here"):
        replace(source, keys=place / "others").header("latest", cluster="prod")


def test_what_undo_asks_of_a_damaged_backup_is_refused(place: Path) -> None:
    source = OneHeader(repository=str(place / "backups"), keys=place / "keys")
    (path,) = [one.path for one in DirectoryRepository(place / "backups").entries()]
    *whole, last = path.read_bytes()
    path.write_bytes(bytes([*whole, last ^ 1]))

    with pytest.raises(DamagedError):
        source.header(str(path), cluster="prod")


@pytest.mark.parametrize("verb", [["show"], ["export"], ["check"]])
def test_one_flipped_byte_ends_with_13(place: Path, verb: list[str]) -> None:
    (path,) = (place / "backups" / "prod").glob("*.swarmnet")
    blob = bytearray(path.read_bytes())
    blob[-20] ^= 1
    path.chmod(0o600)
    path.write_bytes(blob)
    assert _code(_run(place, *verb)) == 13


def test_a_foreign_identity_ends_with_12(place: Path) -> None:
    BackupKeys(place / "other").create("mallory")
    (place / "keys" / "identity.txt").write_text((place / "other" / "identity.txt").read_text())
    assert _code(_run(place, "show")) == 12


def test_no_such_backup_ends_with_10(place: Path) -> None:
    result = _run(place, "show", "1999")
    assert isinstance(result.exception, BackupNotFoundError)
    assert _code(result) == 10


def test_an_export_holds_no_secret(place: Path) -> None:
    result = _run(place, "export")
    assert "10.30.1.0/24" in result.stdout
    assert CANARY not in result.stdout


def test_diff_ends_with_6_on_drift_and_with_0_on_none(place: Path) -> None:
    vault = sealing_vault(place / "keys", None, None, single_recipient=False)
    order = Order("prod", "cd" * 16, CREATED + timedelta(hours=1), "swarmnet 0.1.0")
    state = a_state().model_copy(update={"services": ()})
    create(order, lambda: state, vault=vault, repository=DirectoryRepository(place / "backups"), listener=ignore)
    same, other = _run(place, "diff", "abab", "abab"), _run(place, "diff", "abab", "latest")
    assert (same.exit_code, same.stdout) == (0, "no drift\n")
    assert (other.exit_code, other.stdout) == (6, "- service web: missing\n")


def test_diff_of_two_clusters_says_so_first(place: Path) -> None:
    vault = sealing_vault(place / "keys", None, None, single_recipient=False)
    order = Order("test", "cd" * 16, CREATED + timedelta(hours=1), "swarmnet 0.1.0")
    create(order, a_state, vault=vault, repository=DirectoryRepository(place / "backups"), listener=ignore)
    first = _run(place, "diff", "abab", "cdcd").stdout.splitlines()[0]
    assert first == "warning: two different clusters are compared: prod (before) and test (after)"
    assert json.loads(_run(place, "diff", "abab", "cdcd", "--json").stdout)["clusters"] == {
        "before": "prod",
        "after": "test",
    }


def test_diff_finds_no_drift_in_a_backup_of_a_cluster_that_was_restored_on_other_blocks(place: Path) -> None:
    vault = sealing_vault(place / "keys", None, None, single_recipient=False)
    blocks = ("--subnet-map", "10.30.0.0/16=10.90.0.0/16")
    store = DirectoryRepository(place / "backups")
    there = moved(a_document(), SubnetMap.of({"10.30.0.0/16": "10.90.0.0/16"}))
    order = Order("prod", "cd" * 16, CREATED + timedelta(hours=1), "swarmnet 0.1.0")
    create(order, lambda: there.state, vault=vault, repository=store, listener=ignore)
    assert _run(place, "diff", "abab", "latest").exit_code == 6
    found = _run(place, "diff", "abab", "latest", *blocks)
    assert (found.exit_code, found.stdout) == (0, "no drift\n")
    elsewhere = _run(place, "diff", "abab", "cdcd", "--subnet-map", "9.0.0.0/8=11.0.0.0/8")
    assert "no network of the backup is in it" in str(elsewhere.exception)


def test_prune_without_yes_only_shows(place: Path) -> None:
    assert _run(place, "prune", "--cluster", "prod", "--keep-last", "1").exit_code == 0
    assert isinstance(_run(place, "prune", "--cluster", "prod").exception, UsageError)
    assert len(list((place / "backups" / "prod").glob("*.swarmnet"))) == 1


def test_prune_says_so_where_nothing_goes_and_where_a_cluster_has_no_backups(place: Path) -> None:
    assert "nothing to remove" in _run(place, "prune", "--cluster", "prod", "--keep-last", "1").stderr
    assert _code(_run(place, "prune", "--cluster", "prdo", "--keep-last", "1")) == 10


def test_neither_secret_nor_private_key_is_in_any_output_or_file_outside_the_key_directory(place: Path) -> None:
    private = (place / "keys" / "signing.key").read_text().splitlines()[1]
    identity = (place / "keys" / "identity.txt").read_text().strip()
    verbs = (["list"], ["show"], ["check"], ["export"], ["list", "--json"], ["show", "--json"], ["check", "--json"])
    texts = [result.stdout + result.stderr for result in (_run(place, *verb) for verb in verbs)]
    texts += [path.read_bytes().decode("latin-1") for path in (place / "backups").rglob("*") if path.is_file()]
    assert all(texts[: len(verbs)])
    for word in (CANARY, private, identity):
        assert not any(word in text for text in texts)


def _code(result: Result) -> int:
    return result.exception.exit_code if isinstance(result.exception, SwarmnetError) else result.exit_code


def test_the_list_has_heads_and_an_empty_one_says_how_to_begin(place: Path, tmp_path: Path) -> None:
    reported = _run(place, "list").stdout.splitlines()
    assert reported[0].split() == ["BACKUP", "CLUSTER", "BYTES", "STATE", "REASON", "TAGS"]
    (tmp_path / "none").mkdir()
    empty = CliRunner().invoke(app, ["list", "--repository", str(tmp_path / "none"), "--keys", str(place / "keys")])
    assert "`swarmnet backup create` takes one" in empty.stdout
