"""Keys of age plugins, with a plugin that is a program of its own, and age itself as the second reader."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.backups.keys import load_identities, parse_recipient
from swarmnet.edge.backups.sealed_file import Head
from swarmnet.edge.backups.vault import AgeVault
from swarmnet.errors import UsageError
from tests.support.backups import a_document

RECIPIENT = "age1toy1xqcnyvc2hgzzt"
IDENTITY = "AGE-PLUGIN-TOY-1XQCNYVCSDSTWA"
PLUGIN = Path(__file__).parents[2] / "support" / "age_plugin_toy.py"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the plugin on the PATH, and return a file with an identity of it."""
    program = tmp_path / "bin" / "age-plugin-toy"
    program.parent.mkdir()
    program.symlink_to(PLUGIN)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    identity = tmp_path / "toy.txt"
    identity.write_text(f"#    Recipient: {RECIPIENT}\n{IDENTITY}\n")
    identity.chmod(0o600)
    return identity


def test_a_backup_is_sealed_to_a_plugins_key_and_opened_with_it_here_and_by_age(plugin: Path, tmp_path: Path) -> None:
    ring = BackupKeys(tmp_path / "keys")
    ring.create("alice")
    ring.add_recipient(parse_recipient(f"{RECIPIENT} # token"))
    blob = AgeVault(recipients=ring.recipients(), signing_key=ring.own_signing_key()).seal(a_document())
    found = load_identities(plugin)
    assert found.recipients == (RECIPIENT,)
    assert AgeVault(trusted=ring.signers(), identities=found.identities).open(blob) == a_document()
    done = subprocess.run(
        ["/usr/bin/age", "-d", "-i", plugin], input=blob[Head.of(blob).size :], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_plugin_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="age-plugin-toy, which is not on the PATH"):
        parse_recipient(RECIPIENT)
    identity = tmp_path / "toy.txt"
    identity.write_text(f"{IDENTITY}\n")
    identity.chmod(0o600)
    with pytest.raises(UsageError, match="age-plugin-toy, which is not on the PATH"):
        load_identities(identity)
