from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyrage
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.edge.backups import sshsig
from swarmnet.edge.backups.keys import (
    Recipient,
    Signer,
    fingerprint,
    load_identities,
    load_signing_key,
    parse_recipient,
    parse_signer,
)
from swarmnet.edge.backups.sealed_file import HEADER_NAMESPACE, MAGIC, RAFT
from swarmnet.edge.backups.vault import AgeVault
from swarmnet.errors import DamagedError, SchemaError, UsageError, WrongKeyError
from swarmnet.model.backup import canonical, load
from swarmnet.model.base import Secret
from tests.support.backups import CANARY, a_document, documents

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.network import Network

GOLDEN = Path(__file__).with_name("golden")
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


def test_a_file_that_is_cut_at_any_length_is_damage() -> None:
    keyless = AgeVault(trusted=TRUSTED)
    for length in range(len(BLOB)):
        with pytest.raises(DamagedError):
            keyless.header(BLOB[:length])


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


def test_a_backup_of_an_untrusted_signer_is_refused_even_if_it_opens() -> None:
    forged = AgeVault(recipients=RECIPIENTS, signing_key=STRANGER).seal(a_document())
    with pytest.raises(WrongKeyError, match="not trusted here"):
        VAULT.open(forged)


def test_someone_elses_content_under_a_trusted_signature_is_damage() -> None:
    sealed = AgeVault(recipients=RECIPIENTS, signing_key=STRANGER).seal(a_document())
    both = (*TRUSTED, Signer(fingerprint(STRANGER.public_key())))
    ours, theirs = BLOB.split(b"\n", 3), sealed.split(b"\n", 3)
    swapped = b"\n".join([*_signed_anew(ours[1], theirs[3]), theirs[3]])
    with pytest.raises(DamagedError, match="someone else"):
        AgeVault(trusted=both, identities=(ALICE,)).open(swapped)


def test_the_header_of_one_backup_does_not_fit_the_content_of_another() -> None:
    other = VAULT.seal(a_document().model_copy(update={"id": "f" * 32})).split(b"\n", 3)
    swapped = b"\n".join([*_signed_anew(BLOB.split(b"\n", 3)[1], other[3]), other[3]])
    with pytest.raises(DamagedError, match="two different backups"):
        VAULT.open(swapped)


@pytest.mark.parametrize("change", [{"container": RAFT + 1}, {"schema_version": "2.0"}, {"mood": "new"}])
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
    key.touch(0o600)
    key.write_bytes(SIGNING.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, encryption))
    public = parse_recipient(f"{TRUSTED[0].line} alice@laptop")
    vault = AgeVault(
        recipients=(public, RECIPIENTS[1]),
        trusted=TRUSTED,
        identities=tuple(load_identities(key, lambda _: secret).identities),
        signing_key=load_signing_key(key, lambda _: secret),
    )
    assert public.name == "alice@laptop"
    assert vault.open(vault.seal(a_document())) == a_document()
    with pytest.raises(WrongKeyError):
        load_signing_key(key)
    with pytest.raises(WrongKeyError) as caught:
        load_identities(key, lambda _: Secret("guess"))
    assert "guess" not in str(caught.value)


def test_a_file_of_the_first_container_still_opens() -> None:
    blob = (GOLDEN / "container-1.swarmnet").read_bytes()
    golden = GOLDEN / "identity.txt"
    identity = pyrage.x25519.Identity.from_str(golden.read_text().splitlines()[-1])
    vault = AgeVault(trusted=(parse_signer((GOLDEN / "signer.pub").read_text()),), identities=(identity,))
    opened, wanted = vault.open(blob), a_document()
    # Its losses are in the words of its day, and it names a default (ipv4) that is left open now.
    assert [(one.kind, one.what) for one in opened.losses] == [(one.kind, one.what) for one in wanted.losses]
    assert _with_ipv4(opened.model_copy(update={"losses": ()})) == _with_ipv4(wanted.model_copy(update={"losses": ()}))
    assert vault.header(blob).container == 1


def _with_ipv4(document: BackupDocument) -> BackupDocument:
    """Return a document whose networks all say that they have IPv4."""

    def said(networks: tuple[Network, ...]) -> tuple[Network, ...]:
        return tuple(one.model_copy(update={"spec": one.spec.model_copy(update={"ipv4": True})}) for one in networks)

    hosts = tuple(one.model_copy(update={"networks": said(one.networks)}) for one in document.state.hosts)
    state = document.state.model_copy(update={"networks": said(document.state.networks), "hosts": hosts})
    return document.model_copy(update={"state": state})


def test_one_flipped_bit_anywhere_in_a_file_of_the_first_container_is_seen() -> None:
    blob = (GOLDEN / "container-1.swarmnet").read_bytes()
    keyless = AgeVault(trusted=(parse_signer((GOLDEN / "signer.pub").read_text()),))
    for place in range(len(blob)):
        damaged = bytearray(blob)
        damaged[place] ^= 1 << (place % 8)
        with pytest.raises(DamagedError):
            keyless.header(bytes(damaged))


def test_a_glance_reads_the_header_alone_and_sees_what_was_cut_or_added() -> None:
    head = BLOB[: BLOB.index(b"age-encryption.org")]
    assert VAULT.glance(head, len(BLOB)) == VAULT.header(BLOB)
    for size in (len(head), len(BLOB) - 1, len(BLOB) + 1, 2**40):
        with pytest.raises(DamagedError):
            VAULT.glance(head, size)


STRANGE: tuple[object, ...] = (None, True, -1, 0, 1.5, 2**70, "", "x", "1", [], ["x"], {}, "9999-12-31T23:59:59-14:00")


@pytest.mark.parametrize("key", [SIGNING, STRANGER], ids=["trusted", "stranger"])
def test_a_signed_header_with_anything_in_any_field_is_of_a_known_kind(key: Ed25519PrivateKey) -> None:
    """M1, L11: whatever key signs it, a header is read, or refused with 12, 13 or 14."""
    tree, sealed = json.loads(BLOB.split(b"\n", 3)[1]), BLOB.split(b"\n", 3)[3]
    read = 0
    for field in [*tree, "more"]:
        for value in STRANGE:
            changed = {**tree, "signer": fingerprint(key.public_key()), field: value}
            text = canonical(changed)
            line = sshsig.sign(key, HEADER_NAMESPACE, MAGIC + b"\n" + text + b"\n")
            blob = b"\n".join((MAGIC, text, line, sealed))
            with suppress(DamagedError, WrongKeyError, SchemaError):
                header = VAULT.glance(blob, len(blob))
                assert (type(header.complete), type(header.container)) == (bool, int)
                read += 1
    assert (read > 0) == (key is SIGNING)


@pytest.mark.parametrize("change", [{"complete": "1"}, {"container": "2"}, {"created": 0}, {"sealed_bytes": "1"}])
def test_fields_of_a_header_have_the_type_of_the_schema(change: dict[str, object]) -> None:
    parts = BLOB.split(b"\n", 3)
    with pytest.raises(SchemaError):
        VAULT.header(b"\n".join([*_signed_anew(parts[1], parts[3], **change), parts[3]]))


@pytest.mark.parametrize("change", [{"complete": False}, {"created": "2027-01-01T00:00:00Z"}])
def test_a_header_that_tells_something_else_than_the_content_is_damage(change: dict[str, object]) -> None:
    parts = BLOB.split(b"\n", 3)
    with pytest.raises(DamagedError, match="two different backups"):
        VAULT.open(b"\n".join([*_signed_anew(parts[1], parts[3], **change), parts[3]]))


def _signed_anew(header: bytes, sealed: bytes, **changes: object) -> list[bytes]:
    """Return the three lines of text as the trusted signer would write them over another sealed part."""
    tree = json.loads(header) | {"sealed_bytes": len(sealed), "sealed_sha256": hashlib.sha256(sealed).hexdigest()}
    text = canonical(tree | changes)
    message = MAGIC + b"\n" + text + b"\n"
    return [MAGIC, text, sshsig.sign(SIGNING, HEADER_NAMESPACE, message)]
