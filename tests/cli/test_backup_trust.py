"""What commands do with an old backup instead of a newer one, a lost key, or a repository that is not a directory."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyrage
import pytest
from typer.testing import CliRunner, Result

from swarmnet.cli.commands import backup, keys, restore
from swarmnet.cli.sealing import remembering, sealing_vault
from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.backups.keys import parse_recipient
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.errors import RefusedError, UsageError, WrongKeyError
from swarmnet.model.events import ignore
from swarmnet.workflows.backup import Order, create
from tests.support.backups import a_state
from tests.support.commands import Operator

if TYPE_CHECKING:
    import typer

HOSTS = """
schema: 1
cluster: prod
hosts:
  m1: {address: 127.0.0.1, role: manager}
"""


def _take(place: Path, hours_ago: int, number: int) -> Path:
    created = datetime.now(UTC) - timedelta(hours=hours_ago)
    vault = sealing_vault(place / "keys", None, None, single_recipient=False)
    order = Order("prod", str(number) * 32, created, "swarmnet 0.1.0")
    repository = DirectoryRepository(place / "backups")
    taken = create(order, a_state, vault=vault, repository=repository, listener=ignore)
    assert list(remembering(place / "keys").made(taken.document)) == []
    return taken.path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a directory with keys, a recovery file, an inventory, and two backups."""
    BackupKeys(tmp_path / "keys").create("alice", recovery_file=tmp_path / "recovery.txt")
    (tmp_path / "hosts.yml").write_text(HOSTS)
    _take(tmp_path, 48, 1)
    _take(tmp_path, 2, 2)
    return tmp_path


def _run(app: typer.Typer, place: Path, *words: str, keys: str = "keys") -> Result:
    where = ("--repository", str(place / "backups"), "--keys", str(place / keys))
    return CliRunner().invoke(app, [*words, *where])


def _newest(place: Path) -> Path:
    return max((place / "backups" / "prod").glob("*.swarmnet"))


@pytest.mark.parametrize("verb", [["list"], ["show"], ["check"], ["check", "--all"], ["show", "latest"]])
def test_a_rollback_is_said_by_every_command_that_looks(place: Path, verb: list[str]) -> None:
    assert "was seen before" not in _run(backup.app, place, *verb).stderr
    _newest(place).unlink()
    said = _run(backup.app, place, *verb)
    assert (said.exit_code, "22222222 of" in said.stderr, "was seen before" in said.stderr) == (0, True, True)


@pytest.mark.parametrize("verb", ["plan", "apply", "resume"])
def test_a_rollback_is_restored_only_when_it_is_allowed_or_named(place: Path, verb: str) -> None:
    _newest(place).unlink()
    words = [verb, "latest", "-i", str(place / "hosts.yml"), "--timeout", "1"]
    refused = _run(restore.app, place, *words)
    assert isinstance(refused.exception, RefusedError)
    assert "--allow-rollback" in str(refused.exception.hint)
    words[1] = _newest(place).stem
    for more in (words, [verb, "latest", *words[2:], "--allow-rollback"]):
        assert not isinstance(_run(restore.app, place, *more).exception, RefusedError)


def test_latest_tells_which_it_is_and_how_old(place: Path) -> None:
    said = _run(backup.app, place, "show", "latest").stderr
    assert f"latest: {_newest(place).stem}, cluster prod, of " in said
    assert "2 hours old" in said


def test_a_memory_that_cannot_be_written_stops_no_look(place: Path) -> None:
    (place / "keys" / "seen.json").unlink()
    (place / "keys" / "seen.json").symlink_to(place / "nowhere" / "seen.json")
    said = _run(backup.app, place, "list")
    assert (said.exit_code, "cannot be remembered" in said.stderr) == (0, True)


def test_files_next_to_the_keys_are_readable_and_private(place: Path) -> None:
    file = place / "keys" / "seen.json"
    assert json.loads(file.read_text())["clusters"]["prod"]["id"] == "2" * 32
    assert file.stat().st_mode & 0o777 == 0o600


def test_on_a_new_machine_the_recovery_file_is_enough(place: Path) -> None:
    """B13."""
    shown = _run(backup.app, place, "show", "latest", "--identity", str(place / "recovery.txt"), "--json", keys="none")
    assert (shown.exit_code, json.loads(shown.stdout)["id"]) == (0, "2" * 32)
    assert not (place / "none").exists()


def test_without_anything_the_signer_is_named_and_no_hint_makes_keys(place: Path) -> None:
    """B13."""
    (signer,) = BackupKeys(place / "keys").signers()
    listed = _run(backup.app, place, "list", keys="none")
    assert (listed.exit_code, listed.stdout.count("UNUSABLE")) == (0, 2)
    for text in (listed.stdout, str(_run(backup.app, place, "show", keys="none").exception)):
        assert signer.fingerprint in text
    assert f"--trust '{signer.line}'" in listed.stderr
    assert "init" not in listed.stdout + listed.stderr
    trusting = _run(backup.app, place, "check", "--trust", signer.line, keys="none")
    assert (trusting.exit_code, "not checked: that a recipient opens it" in trusting.stdout) == (3, True)


def test_a_lost_signing_key_is_renewed_and_old_backups_stay_trusted(place: Path) -> None:
    """B13."""
    ring = BackupKeys(place / "keys")
    identity, old = ring.identity.read_text(), ring.signers()
    ring.signing_key.unlink()
    with pytest.raises(UsageError, match="no key to sign with") as caught:
        _take(place, 1, 3)
    assert "keys renew" in str(caught.value.hint)
    assert "keys init" not in str(caught.value.hint)
    said = _run_keys(place, "renew", "--name", "alice").stdout
    assert f"# signer: {ring.signers()[-1].line} # alice" in said
    assert ring.identity.read_text() == identity
    assert ring.signers()[:1] == old
    _take(place, 1, 3)
    assert _run(backup.app, place, "check", "--all").exit_code == 0
    assert isinstance(_run_keys(place, "renew").exception, UsageError)


def test_a_lost_identity_is_renewed_and_the_recovery_file_opens_what_was_before(place: Path) -> None:
    ring = BackupKeys(place / "keys")
    ring.identity.unlink()
    assert "signer" not in _run_keys(place, "renew", "--name", "alice").stdout
    assert isinstance(_run(backup.app, place, "show").exception, WrongKeyError)
    assert _run(backup.app, place, "show", "--identity", str(place / "recovery.txt")).exit_code == 0
    _take(place, 1, 3)
    assert _run(backup.app, place, "show").exit_code == 0


def _run_keys(place: Path, *words: str) -> Result:
    return CliRunner().invoke(keys.app, [*words, "--directory", str(place / "keys")])


def test_removing_a_recipient_warns_where_fewer_than_two_are_left(place: Path) -> None:
    """L5."""
    said = _run_keys(place, "remove", "recovery").stderr
    assert "warning: 1 of 2 recipients are left: `swarmnet backup create` refuses" in said


@pytest.mark.parametrize("kind", ["ecdsa", "rsa1024", "sk", "private", "dss"])
def test_keys_that_nothing_can_be_sealed_to_are_refused_with_what_to_make(place: Path, kind: str) -> None:
    """C13."""
    made = {"ecdsa": ("-t", "ecdsa"), "rsa1024": ("-t", "rsa", "-b", "1024")}
    text = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIFFm"
    if kind in made:
        subprocess.run(["/usr/bin/ssh-keygen", "-q", *made[kind], "-N", "", "-f", place / "id"], check=True)
        text = (place / "id.pub").read_text()
    elif kind == "private":
        text = (place / "keys" / "identity.txt").read_text()
    elif kind == "dss":
        text = (
            "ssh-dss AAAAB3NzaC1kc3MAAACBAP1/U4EddRIpUt9KnC7s5Of2EbdSPO9EAMMeP4C2USZpRV1AIlH7WT2NWPq/xfW6MPbLm1Vs14E7"
        )
    before = (place / "keys" / "recipients.txt").read_text()
    error = _run_keys(place, "add", text).exception
    assert isinstance(error, UsageError)
    assert "ssh-keygen -t ed25519" in str(error.hint)
    assert text.split()[-1] not in error.message
    assert (place / "keys" / "recipients.txt").read_text() == before


@pytest.mark.parametrize(
    "address", ["s3:bucket/backups", "sftp:me@nas:/backups", "https://nas/x", "rest:http://nas", "nas:/x"]
)
def test_a_url_is_refused_as_a_repository_and_makes_no_folder(
    place: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E10."""
    monkeypatch.chdir(place)
    before = sorted(place.iterdir())
    for app, words in ((backup.app, ["list"]), (backup.app, ["create", "-i", "hosts.yml"]), (keys.app, ["rewrap"])):
        error = CliRunner().invoke(app, [*words, "--repository", address, "--keys", str(place / "keys")]).exception
        assert isinstance(error, UsageError)
        assert f"{address} is not a directory" in error.message
    assert sorted(place.iterdir()) == before


def test_a_directory_whose_name_has_a_colon_is_one(place: Path) -> None:
    (place / "backups").rename(place / "a:b")
    found = CliRunner().invoke(backup.app, ["list", "--repository", str(place / "a:b"), "--keys", str(place / "keys")])
    assert (found.exit_code, found.stdout.count("complete")) == (0, 2)


def test_the_default_repository_is_shown_whole(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E10: it depends on the working directory, and says so."""
    monkeypatch.chdir(place)
    here = CliRunner().invoke(backup.app, ["list", "--keys", "keys"])
    assert here.stderr.startswith(f"repository: {place}/backups (in the working directory")
    (place / "elsewhere").mkdir()
    monkeypatch.chdir(place / "elsewhere")
    there = CliRunner().invoke(backup.app, ["list", "--keys", str(place / "keys")])
    assert f"{place}/elsewhere/backups: no repository" in str(there.exception)
    assert list(Path.cwd().iterdir()) == []
    named = CliRunner().invoke(
        backup.app, ["list", "--keys", str(place / "keys")], env={"SWARMNET_REPOSITORY": str(place / "backups")}
    )
    assert (named.exit_code, "repository:" in named.stderr) == (0, False)


def test_diff_of_one_backup_is_against_live(place: Path) -> None:
    """B14."""
    error = _run(backup.app, place, "diff", "latest").exception
    assert isinstance(error, UsageError)
    assert "live cluster needs its inventory" in error.message


def test_prune_where_there_is_no_repository_makes_none(tmp_path: Path) -> None:
    BackupKeys(tmp_path / "keys").create("alice")
    ended = _run(backup.app, tmp_path, "prune", "--cluster", "prod", "--keep-last", "1")
    assert getattr(ended.exception, "exit_code", None) == 10
    assert not (tmp_path / "backups").exists()


@pytest.fixture
def ssh_key(place: Path) -> Path:
    """Return an SSH key with a passphrase, the only one here that opens the latest backup."""
    key = place / "key"
    subprocess.run(["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "sesame", "-f", key], check=True)
    BackupKeys(place / "keys").add_recipient(parse_recipient(key.with_suffix(".pub").read_text()))
    _take(place, 1, 3)
    (place / "keys" / "identity.txt").unlink()
    return key


def test_a_passphrase_is_asked_for_at_a_terminal(place: Path, ssh_key: Path) -> None:
    """C13."""
    words = ("backup", "check", "--identity", str(ssh_key), "--keys", "keys", "--repository", "backups")
    assert "opened and read" in Operator(place).converses(*words, asked="Passphrase of", keys="sesame\n", exits=0)


def test_without_a_terminal_the_environment_has_the_passphrase(
    place: Path, ssh_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("check", "--identity", str(ssh_key))
    alone = _run(backup.app, place, *words).exception
    assert isinstance(alone, WrongKeyError)
    assert "SWARMNET_KEY_PASSPHRASE" in str(alone.hint)
    monkeypatch.setenv("SWARMNET_KEY_PASSPHRASE", "sesame")
    assert "opened and read" in _run(backup.app, place, *words).stdout
    monkeypatch.setenv("SWARMNET_KEY_PASSPHRASE", "guess")
    assert "passphrase is wrong" in str(_run(backup.app, place, *words).exception)


def test_an_identity_that_age_encrypted_opens(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = place / "keys" / "identity.txt"
    identity.write_bytes(pyrage.passphrase.encrypt(identity.read_bytes(), "sesame", armored=True))
    monkeypatch.setenv("SWARMNET_KEY_PASSPHRASE", "sesame")
    assert "opened and read" in _run(backup.app, place, "check").stdout


def test_a_passphrase_with_too_much_work_for_this_machine_is_not_called_wrong(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = place / "keys" / "identity.txt"
    identity.write_bytes(re.sub(rb"(-> scrypt \S+) \d+", rb"\1 40", pyrage.passphrase.encrypt(b"", "sesame")))
    monkeypatch.setenv("SWARMNET_KEY_PASSPHRASE", "sesame")
    error = _run(backup.app, place, "check").exception
    assert isinstance(error, WrongKeyError)
    assert "takes more work" in str(error)
    assert "less busy" in str(error.hint)


@pytest.mark.parametrize("words", [["show"], ["check"]])
def test_a_backup_that_is_named_by_its_path_needs_no_repository(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    (file, *_others) = sorted((place / "backups").rglob("*.swarmnet"))
    (place / "away").mkdir()
    monkeypatch.chdir(place / "away")
    shown = CliRunner().invoke(backup.app, [*words, str(file), "--keys", str(place / "keys")])
    assert (shown.exit_code, "repository:" in shown.stderr) == (0, False)
