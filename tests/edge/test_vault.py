from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyrage
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.edge.keys import (
    KeyRing,
    Recipient,
    Signer,
    fingerprint,
    load_identities,
    load_signing_key,
    parse_recipient,
)
from swarmnet.edge.vault import CONTAINER, AgeVault
from swarmnet.errors import DamagedError, SchemaError, UsageError, WrongKeyError
from swarmnet.model.backup import canonical, load
from swarmnet.model.base import Secret
from tests.backups import CANARY, a_document, documents

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.backup import BackupDocument

ALICE, BOB, MALLORY = (pyrage.x25519.Identity.generate() for _ in range(3))
SIGNING, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
RECIPIENTS = tuple(Recipient(str(one.to_public())) for one in (ALICE, BOB))
TRUSTED = (Signer(fingerprint(SIGNING.public_key())),)
VAULT = AgeVault(recipients=RECIPIENTS, trusted=TRUSTED, identities=(ALICE,), signing_key=SIGNING)
BLOB = VAULT.seal(a_document())


@settings(max_examples=15, deadline=None)
@given(documents())
def test_what_is_sealed_opens_to_the_same_document(document: BackupDocument) -> None:
    assert VAULT.open(VAULT.seal(document)) == document


@pytest.mark.parametrize("identity", [ALICE, BOB])
def test_every_recipient_can_open(identity: object) -> None:
    assert AgeVault(trusted=TRUSTED, identities=(identity,)).open(BLOB) == a_document()


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(BLOB) - 1), st.integers(1, 255))
def test_any_changed_byte_is_damage_and_never_a_wrong_key(place: int, flip: int) -> None:
    damaged = bytearray(BLOB)
    damaged[place] ^= flip
    with pytest.raises(DamagedError):
        VAULT.open(bytes(damaged))


def test_one_flipped_bit_anywhere_is_seen_without_an_identity() -> None:
    keyless = AgeVault(trusted=TRUSTED)
    for place in range(len(BLOB)):
        damaged = bytearray(BLOB)
        damaged[place] ^= 1 << (place % 8)
        with pytest.raises(DamagedError):
            keyless.header(bytes(damaged))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(BLOB) - 1))
def test_a_cut_file_is_damage(length: int) -> None:
    with pytest.raises(DamagedError):
        VAULT.open(BLOB[:length])


def test_trailing_bytes_are_damage() -> None:
    with pytest.raises(DamagedError):
        VAULT.open(BLOB + b"\0")


def test_a_foreign_identity_is_a_wrong_key_and_the_hint_names_the_recipients() -> None:
    with pytest.raises(WrongKeyError) as caught:
        AgeVault(trusted=TRUSTED, identities=(MALLORY,)).open(BLOB)
    assert caught.value.exit_code == 12
    assert RECIPIENTS[0].fingerprint in str(caught.value.hint)


def test_no_identity_at_all_is_a_wrong_key() -> None:
    with pytest.raises(WrongKeyError):
        AgeVault(trusted=TRUSTED).open(BLOB)


def test_a_backup_of_a_signer_whom_nobody_trusts_is_refused_even_if_it_opens() -> None:
    forged = AgeVault(recipients=RECIPIENTS, signing_key=STRANGER).seal(a_document())
    with pytest.raises(WrongKeyError, match="nobody here trusts"):
        VAULT.open(forged)


def test_somebody_elses_content_under_a_trusted_signature_is_damage() -> None:
    sealed = AgeVault(recipients=RECIPIENTS, signing_key=STRANGER).seal(a_document())
    both = (*TRUSTED, Signer(fingerprint(STRANGER.public_key())))
    ours, theirs = BLOB.split(b"\n", 3), sealed.split(b"\n", 3)
    swapped = b"\n".join([*_signed_anew(ours[1], theirs[3]), theirs[3]])
    with pytest.raises(DamagedError, match="somebody else"):
        AgeVault(trusted=both, identities=(ALICE,)).open(swapped)


def test_the_header_of_one_backup_does_not_fit_the_content_of_another() -> None:
    other = VAULT.seal(a_document().model_copy(update={"id": "f" * 32})).split(b"\n", 3)
    swapped = b"\n".join([*_signed_anew(BLOB.split(b"\n", 3)[1], other[3]), other[3]])
    with pytest.raises(DamagedError, match="two different backups"):
        VAULT.open(swapped)


@pytest.mark.parametrize("change", [{"container": CONTAINER + 1}, {"schema_version": "2.0"}, {"mood": "new"}])
def test_a_sound_file_of_a_newer_layout_is_an_unknown_schema(change: dict[str, object]) -> None:
    parts = BLOB.split(b"\n", 3)
    blob = b"\n".join([*_signed_anew(parts[1], parts[3], **change), parts[3]])
    with pytest.raises(SchemaError) as caught:
        VAULT.open(blob)
    assert caught.value.exit_code == 14


def test_the_header_is_read_without_a_key_and_holds_nothing_of_the_content() -> None:
    header = AgeVault(trusted=TRUSTED).header(BLOB)
    assert (header.cluster, header.complete, header.signer) == ("prod", True, TRUSTED[0].key)
    assert header.recipients == tuple(one.fingerprint for one in RECIPIENTS)
    for word in (CANARY, "10.30.1.0", "tls-key", "front"):
        assert word.encode() not in BLOB


def test_fewer_than_two_recipients_are_refused_unless_asked_for() -> None:
    alone = AgeVault(recipients=RECIPIENTS[:1] * 2, trusted=TRUSTED, identities=(ALICE,), signing_key=SIGNING)
    with pytest.raises(UsageError, match="lost with that key"):
        alone.seal(a_document())
    allowed = AgeVault(
        recipients=RECIPIENTS[:1], trusted=TRUSTED, identities=(ALICE,), signing_key=SIGNING, single_recipient=True
    )
    assert allowed.open(allowed.seal(a_document())) == a_document()


def test_the_documented_way_without_swarmnet_gives_the_document() -> None:
    age_file = subprocess.run(["/usr/bin/tail", "-n", "+4"], input=BLOB, capture_output=True, check=True).stdout
    plain = gzip.decompress(pyrage.decrypt(age_file, [BOB]))
    text = subprocess.run(["/usr/bin/tail", "-n", "+2"], input=plain, capture_output=True, check=True).stdout
    assert load(text) == a_document()


def test_a_bomb_of_zeros_is_not_unpacked_whole() -> None:
    bomb = pyrage.encrypt(gzip.compress(bytes(300 * 1024 * 1024), compresslevel=1), [ALICE.to_public()])
    blob = b"\n".join([*_signed_anew(BLOB.split(b"\n", 3)[1], bomb), bomb])
    with pytest.raises(DamagedError, match="unpacks to more"):
        VAULT.open(blob)


def test_an_ssh_key_with_a_passphrase_signs_and_opens(tmp_path: Path) -> None:
    key, secret = tmp_path / "id_ed25519", Secret("open sesame")
    encryption = serialization.BestAvailableEncryption(secret.reveal())
    key.write_bytes(SIGNING.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, encryption))
    public = parse_recipient(f"{TRUSTED[0].line} alice@laptop")
    vault = AgeVault(
        recipients=(public, RECIPIENTS[1]),
        trusted=TRUSTED,
        identities=load_identities(key, secret),
        signing_key=load_signing_key(key, secret),
    )
    assert public.name == "alice@laptop"
    assert vault.open(vault.seal(a_document())) == a_document()
    with pytest.raises(WrongKeyError):
        load_signing_key(key)
    with pytest.raises(WrongKeyError) as caught:
        load_identities(key, Secret("guess"))
    assert "guess" not in str(caught.value)


def test_keys_are_made_private_once_and_the_recovery_identity_opens_too(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    recovery = ring.create("alice")
    assert {path.stat().st_mode & 0o777 for path in ring.directory.iterdir()} == {0o600}
    assert ring.directory.stat().st_mode & 0o777 == 0o700
    assert not any(recovery.encode() in path.read_bytes() for path in ring.directory.iterdir())
    sealing = AgeVault(recipients=ring.recipients(), signing_key=load_signing_key(ring.signing_key))
    blob = sealing.seal(a_document())
    rescue = AgeVault(trusted=ring.signers(), identities=(pyrage.x25519.Identity.from_str(recovery),))
    assert rescue.open(blob) == a_document()
    with pytest.raises(UsageError, match="unreadable for ever"):
        ring.create("again")


def test_of_two_who_make_keys_at_once_one_does_and_the_other_takes_nothing_away(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    with ThreadPoolExecutor(4) as pool:
        ended = [pool.submit(ring.create, name).exception() for name in ("alice", "bob", "carol", "dave")]

    assert [type(error) for error in ended if error is not None] == [UsageError] * 3
    own = pyrage.x25519.Identity.from_str(ring.identity.read_text().strip())
    assert str(own.to_public()) in {one.key for one in ring.recipients()}
    assert fingerprint(load_signing_key(ring.signing_key).public_key()) in {one.key for one in ring.signers()}


def test_recipients_that_are_added_at_once_are_all_kept(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    names = [f"operator{number}" for number in range(8)]
    keys = [str(pyrage.x25519.Identity.generate().to_public()) for _ in names]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(ring.add_recipient, map(Recipient, keys, names)))

    assert sorted(one.name for one in ring.recipients()) == names


def test_a_removed_recipient_is_not_sealed_to_any_more(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.create("alice")
    ring.add_recipient(Recipient(str(MALLORY.to_public()), "mallory\n# x"))
    assert [one.name for one in ring.recipients()] == ["alice", "recovery", "mallory x"]
    assert ring.remove("mallory x") == 1
    assert [one.name for one in ring.recipients()] == ["alice", "recovery"]


def _signed_anew(header: bytes, sealed: bytes, **changes: object) -> list[bytes]:
    """Return the three lines of text as the trusted signer would write them over another sealed part."""
    tree = json.loads(header) | {"sealed_bytes": len(sealed), "sealed_sha256": hashlib.sha256(sealed).hexdigest()}
    text = canonical(tree | changes)
    lines = b"swarmnet-backup\n" + text + b"\n"
    return [b"swarmnet-backup", text, SIGNING.sign(b"swarmnet backup header\0" + lines).hex().encode()]
