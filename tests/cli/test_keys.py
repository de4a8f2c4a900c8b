from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from swarmnet.cli.commands.keys import app
from swarmnet.cli.sealing import sealing_vault
from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.backups.keys import load_identities, parse_recipient
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.edge.backups.vault import AgeVault
from swarmnet.errors import UsageError, WrongKeyError
from swarmnet.model.events import ignore
from swarmnet.workflows.backup import Order, create
from tests.support.backups import CREATED, a_state
from tests.support.commands import Operator

if TYPE_CHECKING:
    from pathlib import Path


KEYGEN = "/usr/bin/ssh-keygen"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a directory with keys and one backup, sealed to alice and her recovery identity."""
    BackupKeys(tmp_path / "keys").create("alice")
    vault = sealing_vault(tmp_path / "keys", None, None, single_recipient=False)
    repository = DirectoryRepository(tmp_path / "backups")
    order = Order("prod", "ab" * 16, CREATED, "swarmnet 0.1.0")
    create(order, a_state, vault=vault, repository=repository, listener=ignore)
    return tmp_path


def _rewrap(place: Path, *words: str) -> Result:
    return _run("rewrap", "--repository", str(place / "backups"), "--keys", str(place / "keys"), *words)


def _blob(place: Path) -> bytes:
    (path,) = (place / "backups" / "prod").glob("*.swarmnet")
    return path.read_bytes()


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


def test_every_change_of_the_keys_prints_the_keys_afterwards_for_programs(tmp_path: Path) -> None:
    keys = ("--directory", str(tmp_path / "keys"), "--json")
    made = json.loads(_run("init", "--name", "alice", *keys).stdout)
    one = made["recipients"][1]["key"]

    removed = json.loads(_run("remove", "recovery", *keys).stdout)
    added = json.loads(_run("add", one, "--name", "vault", *keys).stdout)
    (tmp_path / "keys/identity.txt").unlink()
    renewed = json.loads(_run("renew", "--name", "bob", *keys).stdout)

    names = [[key["name"] for key in reported["recipients"]] for reported in (made, removed, added, renewed)]
    assert names == [["alice", "recovery"], ["alice"], ["alice", "vault"], ["alice", "vault", "bob"]]
    assert renewed["made"] == [str(tmp_path / "keys/identity.txt")]


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


def test_a_wrong_key_is_refused_without_repeating_it(tmp_path: Path) -> None:
    private = "AGE-SECRET-KEY-1" + "Q" * 58
    result = _run("add", private, "--directory", str(tmp_path))
    assert isinstance(result.exception, UsageError)
    assert "Q" not in str(result.exception)


def test_rewrap_lets_a_new_recipient_open_what_was_sealed_before(place: Path) -> None:
    bob = BackupKeys(place / "bob")
    bob.create("bob")
    old = _blob(place)
    _run("add", bob.recipients()[0].key, "--directory", str(place / "keys"), "--name", "bob")
    (said,) = json.loads(_rewrap(place, "--json").stdout)["backups"]
    assert (said["changed"], said["problem"]) == (True, None)
    reader = AgeVault(
        trusted=BackupKeys(place / "keys").signers(), identities=tuple(load_identities(bob.identity).identities)
    )
    assert reader.open(_blob(place)).id == "ab" * 16
    with pytest.raises(WrongKeyError):
        reader.open(old)


def test_rewrap_leaves_alone_what_is_sealed_to_just_these(place: Path) -> None:
    before = _blob(place)
    result = _rewrap(place)
    assert (result.exit_code, "already" in result.stdout) == (0, True)
    assert _blob(place) == before


def test_a_backup_that_cannot_be_opened_stays_as_it_was_and_ends_with_its_code(place: Path) -> None:
    BackupKeys(place / "bob").create("bob")
    _run("add", BackupKeys(place / "bob").recipients()[0].key, "--directory", str(place / "keys"))
    (place / "keys" / "identity.txt").write_text((place / "bob" / "identity.txt").read_text())
    before = _blob(place)
    result = _rewrap(place)
    assert result.exit_code == WrongKeyError.exit_code
    assert "left as it was" in result.stdout
    assert _blob(place) == before


def test_a_recovery_file_that_cannot_be_written_leaves_no_keys_behind(tmp_path: Path) -> None:
    keys, nowhere = tmp_path / "keys", tmp_path / "no" / "stick.txt"
    result = _run("init", "--directory", str(keys), "--recovery-file", str(nowhere))
    assert isinstance(result.exception, UsageError)
    assert result.exception.message.startswith(f"cannot write {nowhere}: No such file or directory")
    assert [path.name for path in keys.iterdir()] == [".lock"]
    assert _run("init", "--directory", str(keys)).exit_code == 0


@pytest.mark.parametrize("words", [("init",), ("add", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL2SEuqHznL8ORyg3dVy2vrD")])
def test_keys_that_cannot_be_kept_are_refused_with_what_to_do(tmp_path: Path, words: tuple[str, ...]) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    result = _run(*words, "--directory", str(in_the_way / "keys"))
    assert isinstance(result.exception, UsageError)
    assert result.exception.hint


def test_a_directory_without_keys_says_so(tmp_path: Path) -> None:
    assert _run("list", "--directory", str(tmp_path)).stdout.startswith(f"no keys in {tmp_path}; `swarmnet keys init`")


def _check(place: Path, *words: str) -> Result:
    return _run("check", "--repository", str(place / "backups"), "--keys", str(place / "keys"), *words)


def test_check_opens_the_newest_backup_with_each_identity_and_names_what_it_could_not_try(place: Path) -> None:
    result = _check(place, "--json")
    assert result.exit_code == 3
    proofs = {one["name"]: one["proof"] for one in json.loads(result.stdout)["recipients"]}
    assert proofs == {"alice": "opened", "recovery": "unproven"}


def test_check_names_a_recipient_that_cannot_open_the_newest_backup(place: Path, tmp_path: Path) -> None:
    bob = BackupKeys(tmp_path / "bob")
    bob.create("bob")
    (key, _) = bob.recipients()
    _run("add", key.key, "--name", "bob", "--directory", str(place / "keys"))
    result = _check(place, "--identity", str(bob.identity), "--json")
    assert result.exit_code == 1
    reported = json.loads(result.stdout)
    assert {one["name"]: one["proof"] for one in reported["recipients"]}["bob"] == "left out"
    assert reported["unused"] == [key.fingerprint]


def test_check_with_the_recovery_identity_proves_all(tmp_path: Path) -> None:
    BackupKeys(tmp_path / "keys").create("alice", recovery_file=tmp_path / "recovery.txt")
    vault = sealing_vault(tmp_path / "keys", None, None, single_recipient=False)
    order = Order("prod", "ab" * 16, CREATED, "swarmnet 0.1.0")
    create(order, a_state, vault=vault, repository=DirectoryRepository(tmp_path / "backups"), listener=ignore)
    assert _check(tmp_path, "--identity", str(tmp_path / "recovery.txt")).exit_code == 0


@pytest.mark.parametrize("form", ["RFC4716", "PKCS8", "PEM"])
def test_public_keys_in_older_forms_are_refused_with_what_converts_them(tmp_path: Path, form: str) -> None:
    key = _ssh_key(tmp_path, "-t", "rsa", "-b", "2048")
    old = tmp_path / "old"
    old.write_bytes(subprocess.run([KEYGEN, "-e", "-m", form, "-f", key], capture_output=True, check=True).stdout)
    with pytest.raises(UsageError, match="older form") as caught:
        parse_recipient(old.read_text())
    command = f"ssh-keygen -i -m {form} -f FILE"
    assert command in (caught.value.hint or "")
    converted = subprocess.run([*command.replace("FILE", str(old)).split()], capture_output=True, check=True).stdout
    assert parse_recipient(converted.decode()).key == parse_recipient(key.with_suffix(".pub").read_text()).key


def test_a_key_is_added_from_its_file_and_its_private_half_refused(tmp_path: Path) -> None:
    key = _ssh_key(tmp_path, "-t", "ed25519")
    keys = ("--directory", str(tmp_path / "keys"))
    assert _run("add", str(key.with_suffix(".pub")), *keys).exit_code == 0
    refused = _run("add", str(key), *keys)
    assert isinstance(refused.exception, UsageError)
    assert "private key" in refused.exception.message


def test_the_public_key_of_an_agent_does_not_open(tmp_path: Path) -> None:
    key = _ssh_key(tmp_path, "-t", "ed25519")
    with pytest.raises(UsageError, match="ssh-agent never gives out"):
        load_identities(key.with_suffix(".pub"))


def _ssh_key(folder: Path, *kind: str) -> Path:
    key = folder / "id"
    subprocess.run([KEYGEN, "-q", *kind, "-N", "", "-C", "bob", "-f", key], check=True)
    return key


def test_init_shows_the_recovery_identity_as_a_qr_code_on_a_terminal_only(tmp_path: Path) -> None:
    screen = Operator(tmp_path).converses("keys", "init", "--directory", "one", asked="opens", keys="", exits=0)
    assert sum("▄" in line for line in screen.splitlines()) > 10
    assert "▄" not in _run("init", "--directory", str(tmp_path / "two")).stdout
