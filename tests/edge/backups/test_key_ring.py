from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyrage
import pytest

from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.backups.keys import Recipient, fingerprint, load_signing_key
from swarmnet.edge.backups.vault import AgeVault
from swarmnet.errors import UsageError
from tests.support.backups import a_document

if TYPE_CHECKING:
    from pathlib import Path


def test_keys_are_made_private_once_and_the_recovery_identity_opens_too(tmp_path: Path) -> None:
    ring = BackupKeys(tmp_path / "keys")
    recovery = ring.create("alice")
    assert {path.stat().st_mode & 0o777 for path in ring.directory.iterdir()} == {0o600}
    assert ring.directory.stat().st_mode & 0o777 == 0o700
    assert not any(recovery.encode() in path.read_bytes() for path in ring.directory.iterdir())
    sealing = AgeVault(recipients=ring.recipients(), signing_key=load_signing_key(ring.signing_key))
    blob = sealing.seal(a_document())
    rescue = AgeVault(trusted=ring.signers(), identities=(pyrage.x25519.Identity.from_str(recovery),))
    assert rescue.open(blob) == a_document()
    with pytest.raises(UsageError, match="unreadable forever"):
        ring.create("again")


def test_of_two_who_make_keys_at_once_one_does_and_the_other_takes_nothing_away(tmp_path: Path) -> None:
    ring = BackupKeys(tmp_path / "keys")
    with ThreadPoolExecutor(4) as pool:
        ended = [pool.submit(ring.create, name).exception() for name in ("alice", "bob", "carol", "dave")]

    assert [type(error) for error in ended if error is not None] == [UsageError] * 3
    own = pyrage.x25519.Identity.from_str(ring.identity.read_text().strip())
    assert str(own.to_public()) in {one.key for one in ring.recipients()}
    assert fingerprint(load_signing_key(ring.signing_key).public_key()) in {one.key for one in ring.signers()}


def test_recipients_that_are_added_at_once_are_all_kept(tmp_path: Path) -> None:
    ring = BackupKeys(tmp_path)
    names = [f"operator{number}" for number in range(8)]
    keys = [str(pyrage.x25519.Identity.generate().to_public()) for _ in names]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(ring.add_recipient, map(Recipient, keys, names)))

    assert sorted(one.name for one in ring.recipients()) == names


def test_a_removed_recipient_is_not_sealed_to_any_more(tmp_path: Path) -> None:
    ring = BackupKeys(tmp_path)
    ring.create("alice")
    ring.add_recipient(Recipient(str(pyrage.x25519.Identity.generate().to_public()), "mallory\n# x"))
    assert [one.name for one in ring.recipients()] == ["alice", "recovery", "mallory x"]
    assert ring.remove("mallory x") == 1
    assert [one.name for one in ring.recipients()] == ["alice", "recovery"]
