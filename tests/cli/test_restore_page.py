"""``swarmnet restore`` alone, as on a fresh laptop with a stick in it: what is needed, what is here, what to type."""

from __future__ import annotations

import gzip
import hashlib
import json
import shlex
import shutil
import subprocess
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from swarmnet.cli.main import build
from swarmnet.cli.sealing import sealing_vault
from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.errors import SwarmnetError
from swarmnet.model.backup import Reason
from swarmnet.parse.inventory import parse_inventory
from swarmnet.plan.recovery.catalogue import newest_of
from swarmnet.report.documents.at_hand import AtHandDocument
from swarmnet.workflows.backup_lookup import listing
from tests.support.backups import CREATED, a_document
from tests.support.commands import Operator
from tests.support.raft_archives import a_manifest
from tests.support.taken_backups import taken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from swarmnet.model.raft_archive import RaftManifest

    Types = Callable[..., str]


LATER = CREATED + timedelta(days=30)


@pytest.fixture
def office(tmp_path: Path) -> Path:
    """Return the directory of the operator who took the backups: keys, a recovery file, a repository."""
    folder = tmp_path / "office"
    folder.mkdir()
    BackupKeys(folder / "keys").create("alice", recovery_file=folder / "recovery.txt")
    vault = sealing_vault(folder / "keys", None, None, single_recipient=False)
    for document in (a_document(), taken(5), taken(2, number=77, cluster="shop")):
        DirectoryRepository(folder / "backups").write(document, vault.seal(document), check=vault.header)
    return folder


@pytest.fixture
def stick(office: Path, tmp_path: Path) -> Path:
    """Return a stick with one backup and the recovery file."""
    folder = tmp_path / "stick"
    folder.mkdir()
    newest = max((office / "backups" / "prod").glob("*.swarmnet"))
    shutil.copy(newest, folder)
    shutil.copy(office / "recovery.txt", folder)
    return folder


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Types:
    """Return what types a command in a directory, on a laptop whose home is new."""

    def typed(folder: Path, *words: str, exits: int = 0) -> str:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
        done = CliRunner().invoke(build(words), [*words])
        error = done.exception if isinstance(done.exception, SwarmnetError) else None
        assert (error.exit_code if error else done.exit_code) == exits, done.output
        return f"{done.output}{error or ''}"

    return typed


def test_one_file_and_one_key_on_a_fresh_laptop_are_enough(stick: Path) -> None:
    laptop = Operator(stick)
    said = laptop.types("restore")
    asked = AtHandDocument.model_validate(laptop.asks("restore"))

    (backup,) = asked.backups
    assert (asked.ready, backup.cluster, backup.opened_by) == (True, "prod", "recovery.txt")
    for words in ("recovery.txt (found here): opens", "prod", "secret tls-key", "export RESTORE_TLS_KEY="):
        assert words in said
    assert asked.next[1] in said
    assert not (stick / "swarmnet").exists()  # nothing was written on this machine


def test_the_inventory_that_it_prints_and_the_command_that_it_names_work(stick: Path) -> None:
    laptop = Operator(stick)
    lines = laptop.types("restore").splitlines()
    begin = next(at for at, line in enumerate(lines) if "# new.yml" in line)
    text = "\n".join(line.removeprefix("    ") for line in lines[begin : lines.index("", begin)]) + "\n"
    hosts = parse_inventory(text.encode(), name="new.yml", folder=stick).inventory
    assert [(host.name, str(host.role)) for host in hosts.hosts] == [("m1", "manager"), ("w1", "worker")]

    (stick / "new.yml").write_text(
        text.replace("10.9.0.1", "127.0.0.1, ssh: {port: 1}").replace("10.9.0.2", "127.0.0.1, ssh: {port: 2}")
    )
    command = shlex.split(lines[-1])
    said = laptop.types(*command[1:], exits=75)
    assert "no host answered" in said  # it was opened, and its hosts were tried: a wrong key would have ended with 12


def test_nothing_available_says_where_to_look(tmp_path: Path, types: Types) -> None:
    said = types(tmp_path, "restore", exits=3)
    assert "0 backups" in said
    assert "swarmnet restore --repository DIR|URL" in said


def test_a_backup_without_a_key_asks_for_the_key(stick: Path, types: Types) -> None:
    signer = _signer(stick)
    (stick / "recovery.txt").unlink()
    unknown = types(stick, "restore", exits=3)
    assert "its signer is not trusted here" in unknown
    assert "give the recovery file with --identity" in unknown

    known = types(stick, "restore", "--trust", signer, exits=3)
    assert "prod: " in known
    assert "swarmnet restore --identity FILE" in known


def test_a_key_that_others_can_read_is_named_with_what_to_do(stick: Path, types: Types) -> None:
    (stick / "recovery.txt").chmod(0o755)
    said = types(stick, "restore", exits=3)
    assert "can be read by others" in said
    assert "such as a FAT stick: copy the file" in said


def test_another_key_opens_nothing_and_a_damaged_file_is_named(stick: Path, types: Types) -> None:
    (stick / "a.txt").write_text((stick / "recovery.txt").read_text())
    (stick / "a.txt").chmod(0o600)
    BackupKeys(stick / "others").create("bob", recovery_file=stick / "recovery.txt.new")
    (stick / "recovery.txt.new").replace(stick / "recovery.txt")
    said = types(stick, "restore")
    assert "a.txt (found here): opens" in said
    assert "recovery.txt (found here): not needed" in said

    (file,) = stick.glob("*.swarmnet")
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:-1])
    damaged = types(stick, "restore", exits=3)
    assert "cannot be used" in damaged
    assert "truncated" in damaged


def test_the_newest_backup_of_each_cluster_is_named_with_the_repository(
    office: Path, tmp_path: Path, types: Types
) -> None:
    keys = ("--keys", str(office / "keys"))
    asked = json.loads(types(office, "restore", "--json", *keys))
    assert {one["cluster"]: one["created"][11:16] for one in asked["backups"]} == {"prod": "09:05", "shop": "06:05"}
    assert all("--repository" not in one["words"] for one in asked["backups"])

    elsewhere = json.loads(types(tmp_path, "restore", "--json", "--repository", str(office / "backups"), *keys))
    assert [one["words"][1:3] for one in elsewhere["backups"]] == [["--repository", str(office / "backups")]] * 2
    assert len(elsewhere["next"]) == 3


def test_the_whole_state_of_a_manager_is_named_apart_from_backups(office: Path, types: Types) -> None:
    vault = sealing_vault(office / "keys", None, None, single_recipient=False)
    manifest = a_manifest(created=CREATED + timedelta(days=1))

    def produce(sink: Callable[[bytes], object]) -> RaftManifest:
        packed = gzip.compress(b"state")
        sink(packed)
        size_and_digest = {"archive_bytes": len(packed), "archive_sha256": hashlib.sha256(packed).hexdigest()}
        return manifest.model_copy(update=size_and_digest)

    DirectoryRepository(office / "backups").receive(
        "prod", manifest.id, partial(vault.seal_raft, produce, reason=Reason.MANUAL)
    )

    asked = json.loads(types(office, "restore", "--json", "--keys", "keys"))
    assert {one["cluster"]: one["created"][11:16] for one in asked["backups"]} == {"prod": "09:05", "shop": "06:05"}
    assert [(one["cluster"], one["words"]) for one in asked["archives"]] == [("prod", [asked["archives"][0]["name"]])]
    assert "swarmnet restore raft 2026" in types(office, "restore", "--keys", "keys")
    assert newest_of(listing(DirectoryRepository(office / "backups"), vault), LATER) == CREATED + timedelta(hours=5)


def test_places_of_schedules_are_looked_into_and_targets_away_named(office: Path, types: Types) -> None:
    (office / "prod.yml").write_text("schema: 1\ncluster: prod\nhosts:\n  m1: {address: 127.0.0.1, role: manager}\n")
    where = ("--repository", "elsewhere", "--keys", "keys", "--to", "sftp://nas.example/swarm", "--with", "launchd")
    types(office, "schedule", "install", "-i", "prod.yml", *where)
    asked = json.loads(types(office, "restore", "--json", "--keys", "keys"))
    places = {one["place"]: one["backups"] for one in asked["places"]}
    assert places["sftp://nas.example/swarm"] is None
    assert places[str(office / "elsewhere")] == 0


def test_options_before_the_verb_are_refused(office: Path, types: Types) -> None:
    said = types(office, "restore", "--repository", "backups", "undo", exits=2)
    assert "come after that word" in said
    assert json.loads(types(office, "restore", "--json", "--keys", "keys"))["ready"] is True


def test_hosts_without_a_place_are_asked_for_at_a_terminal(stick: Path) -> None:
    (stick / "new.yml").write_text(
        "schema: 1\ncluster: prod\nssh: {connect_timeout: 5, connect_attempts: 1}\nhosts:\n"
        "  n1: {address: 127.0.0.1, role: manager, ssh: {port: 1}}\n"
        "  n2: {address: 127.0.0.1, role: worker, ssh: {port: 2}}\n"
    )
    (file,) = stick.glob("*.swarmnet")
    words = ("restore", "plan", file.name, "-i", "new.yml", "--identity", "recovery.txt", "--interactive")

    screen = Operator(stick).converses(*words, asked="m1, a manager? n1, n2", keys="n9\nn1\n-\n", exits=75)

    for said in ("'n9' is not one of these hosts", "replaces w1, a worker? n2, or - for none", "--map m1=n1"):
        assert said in screen
    assert "map each host" in Operator(stick).types(*words, exits=5)


@pytest.mark.lab
def test_a_stick_that_cannot_be_written_is_enough(stick: Path, types: Types) -> None:
    """A mount of its own, since root may write anywhere else."""
    (stick / "prod").mkdir()
    (file,) = stick.glob("*.swarmnet")
    shutil.copy(file, stick / "prod")
    file.unlink()
    subprocess.run(["/bin/mount", "--bind", str(stick), str(stick)], check=True)
    try:
        subprocess.run(["/bin/mount", "-o", "remount,bind,ro", str(stick)], check=True)
        with pytest.raises(OSError, match="Read-only"):
            (stick / "x").touch()
        assert "recovery.txt (found here): opens" in types(stick, "restore")
        where = ("--repository", ".", "--identity", "recovery.txt")
        assert "complete" in types(stick, "backup", "list", *where[:2], "--trust", _signer(stick))
        assert "ok: opened and read" in types(stick, "backup", "check", *where)
        assert "tls-key" in types(stick, "backup", "show", *where)
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(stick)], check=True)


def _signer(stick: Path) -> str:
    lines = (stick / "recovery.txt").read_text().splitlines()
    return next(line for line in lines if "signer: " in line).partition("signer: ")[2]
