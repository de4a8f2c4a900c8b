"""L4: OpenSSH and age, as they are installed everywhere, check and open what swarmnet seals."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.backups.keys import load_identities, parse_recipient
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.edge.backups.sealed_file import Head
from swarmnet.edge.backups.vault import AgeVault
from swarmnet.errors import SwarmnetError
from swarmnet.model.backup import Reason
from tests.support.backups import a_document
from tests.support.raft_archives import a_manifest
from tests.support.recipe import opened_by_recipe, run_block, run_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.raft_archive import RaftManifest
    from swarmnet.model.sealed import Sink


@pytest.fixture
def ring(tmp_path: Path) -> BackupKeys:
    ring = BackupKeys(tmp_path / "keys")
    ring.create("alice", recovery_file=tmp_path / "recovery.txt")
    return ring


def _sealed(ring: BackupKeys, path: Path) -> Path:
    vault = AgeVault(recipients=ring.recipients(), signing_key=ring.own_signing_key())
    path.write_bytes(vault.seal(a_document()))
    return path


@pytest.mark.parametrize("identity", ["keys/identity.txt", "recovery.txt"])
def test_the_recipe_checks_both_signatures_and_opens(ring: BackupKeys, tmp_path: Path, identity: str) -> None:
    backup = _sealed(ring, tmp_path / "backup")
    assert opened_by_recipe(tmp_path, backup, tmp_path / identity, ring.directory)["id"] == a_document().id


@pytest.mark.parametrize("kind", [("-t", "ed25519"), ("-t", "rsa", "-b", "2048")], ids=["ed25519", "rsa"])
def test_ssh_keys_that_are_recipients_open_with_age_and_with_swarmnet(
    ring: BackupKeys, tmp_path: Path, kind: tuple[str, ...]
) -> None:
    """C13: what `keys add` takes, its owner can open."""
    key = tmp_path / "id"
    subprocess.run(["/usr/bin/ssh-keygen", "-q", *kind, "-N", "", "-C", "bob@laptop", "-f", key], check=True)
    recipient = parse_recipient(key.with_suffix(".pub").read_text())
    ring.add_recipient(recipient)
    backup = _sealed(ring, tmp_path / "backup")
    assert recipient.name == "bob@laptop"
    assert opened_by_recipe(tmp_path, backup, key, ring.directory)["id"] == a_document().id
    vault = AgeVault(trusted=ring.signers(), identities=tuple(load_identities(key).identities))
    assert vault.open(backup.read_bytes()) == a_document()


@pytest.mark.parametrize("part", ["header", "signature", "sealed"])
def test_the_recipe_stops_at_whatever_was_changed(ring: BackupKeys, tmp_path: Path, part: str) -> None:
    backup = _sealed(ring, tmp_path / "backup")
    blob = bytearray(backup.read_bytes())
    head = Head.of(bytes(blob))
    places = {"header": blob.index(b"prod"), "signature": head.size - 20, "sealed": head.size + 400}
    blob[places[part]] ^= 1
    backup.write_bytes(blob)
    assert run_recipe(tmp_path, backup, ring.identity, ring.directory / "signers.txt").returncode != 0
    assert not (tmp_path / "document.json").exists()


def test_the_recipe_stops_at_another_signer(ring: BackupKeys, tmp_path: Path) -> None:
    other = BackupKeys(tmp_path / "other")
    other.create("mallory")
    backup = _sealed(ring, tmp_path / "backup")
    done = run_recipe(tmp_path, backup, ring.identity, other.directory / "signers.txt")
    assert "Could not verify signature" in done.stdout + done.stderr
    assert done.returncode != 0


def test_a_signature_is_for_one_purpose(ring: BackupKeys, tmp_path: Path) -> None:
    """A header that is taken for a document, or the reverse, has no signature."""
    backup = _sealed(ring, tmp_path / "backup")
    signers = tmp_path / "allowed_signers"
    signers.write_text("".join(f"swarmnet {signer.line}\n" for signer in ring.signers()))
    lines = backup.read_bytes().split(b"\n", 3)
    signature = tmp_path / "sig"
    signature.write_bytes(b"-----BEGIN SSH SIGNATURE-----\n" + lines[2] + b"\n-----END SSH SIGNATURE-----\n")
    verify = ["/usr/bin/ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", "swarmnet", "-s", str(signature)]
    text = b"\n".join((*lines[:2], b""))
    ended = {
        purpose: subprocess.run([*verify, "-n", purpose], input=text, capture_output=True, check=False).returncode
        for purpose in ("swarmnet-backup", "swarmnet-document", "file")
    }
    assert {purpose for purpose, code in ended.items() if code == 0} == {"swarmnet-backup"}


def test_jq_reads_the_document(ring: BackupKeys, tmp_path: Path) -> None:
    backup = _sealed(ring, tmp_path / "backup")
    signers = ring.directory / "signers.txt"
    assert run_recipe(tmp_path, backup, ring.identity, signers).returncode == 0
    done = run_block(1, tmp_path, backup, ring.identity, signers)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == a_document().state.services[0].spec.name


def test_age_and_tar_unpack_a_raft_archive(ring: BackupKeys, tmp_path: Path) -> None:
    folder = io.BytesIO()
    with tarfile.open(fileobj=folder, mode="w:gz") as packed:
        info = tarfile.TarInfo("swarm/docker-state.json")
        info.size = 2
        packed.addfile(info, io.BytesIO(b"{}"))

    def produce(sink: Sink) -> RaftManifest:
        sink(folder.getvalue())
        return a_manifest()

    vault = AgeVault(recipients=ring.recipients(), signing_key=ring.own_signing_key())
    with (tmp_path / "sealed").open("w+b") as part:
        done = vault.seal_raft(produce, part, reason=Reason.MANUAL)
    backup = tmp_path / "backup"
    backup.write_bytes(done.head + (tmp_path / "sealed").read_bytes())
    ended = run_block(2, tmp_path, backup, ring.identity, ring.directory / "signers.txt")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "swarm/docker-state.json").read_text() == "{}"


@pytest.mark.parametrize("place", [0, 40, -1, -300])
def test_a_raft_archive_that_was_changed_or_cut_anywhere_does_not_open(
    ring: BackupKeys, tmp_path: Path, place: int
) -> None:
    vault = AgeVault(
        recipients=ring.recipients(),
        trusted=ring.signers(),
        signing_key=ring.own_signing_key(),
        identities=tuple(ring.own_identity().identities),
    )
    repository = DirectoryRepository(tmp_path / "backups")

    def produce(sink: Sink) -> RaftManifest:
        sink(gzip.compress(b"state"))
        return a_manifest()

    path = repository.receive("prod", "ab" * 16, lambda part: vault.seal_raft(produce, part, reason=Reason.MANUAL))
    blob = bytearray(path.read_bytes())
    assert vault.open_raft(io.BytesIO(blob)).host == "m1"
    with pytest.raises(SwarmnetError):
        vault.open_raft(io.BytesIO(blob[:place]))
    blob[place] ^= 1
    with pytest.raises(SwarmnetError):
        vault.open_raft(io.BytesIO(blob))
