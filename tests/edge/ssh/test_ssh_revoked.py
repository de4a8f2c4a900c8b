"""``RevokedHostKeys``: lists and key revocation lists, judged by ``ssh-keygen -Q``."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paramiko.pkey import PublicBlob

from swarmnet.edge.ssh.known_hosts import KnownHosts, Trust
from swarmnet.edge.ssh.revoked import NotUnderstoodError, read_revoked
from swarmnet.edge.ssh.target import TargetFinder
from swarmnet.errors import HostKeyError
from swarmnet.model.hosts import Host, HostKeyPolicy, Inventory, SSHSettings
from tests.support.sshd import make_key

if TYPE_CHECKING:
    from pathlib import Path

KEYGEN = "/usr/bin/ssh-keygen"


def keygen(*words: object) -> int:
    return subprocess.run([KEYGEN, *map(str, words)], check=False, capture_output=True).returncode


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two host keys, two authorities, and certificates of ``a`` with serials 7 and 0."""
    for name in ("a", "b", "ca", "other_ca"):
        make_key(tmp_path / name)
        public = subprocess.run([KEYGEN, "-y", "-f", tmp_path / name], check=True, capture_output=True).stdout
        (tmp_path / f"{name}.pub").write_bytes(public)
    for serial in (7, 0):
        assert keygen("-q", "-s", tmp_path / "ca", "-I", "host a", "-h", "-n", "web", "-z", serial, tmp_path / "a") == 0
        (tmp_path / "a-cert.pub").rename(tmp_path / f"a{serial}.pub")
    return tmp_path


def revocation_list(folder: Path, spec: str, *words: object) -> Path:
    (folder / "spec").write_text(spec)
    assert keygen("-q", "-k", "-f", folder / "krl", *words, folder / "spec") == 0
    return folder / "krl"


def refuses(folder: Path, presented: str, file: Path) -> bool:
    """Return whether a host that presents this key is refused for it; everything else speaks for the key."""
    key = paramiko.PKey.from_path(folder / "a" if presented.startswith("a") else folder / presented)
    kind, blob = (folder / f"{presented}.pub").read_bytes().split()[:2]
    key.public_blob = PublicBlob.from_string(f"{kind.decode()} {blob.decode()}") if presented in ("a7", "a0") else None
    (folder / "known").write_text(f"web {key.get_name()} {key.get_base64()}\n")
    try:
        KnownHosts().verify("w1", key, Trust("web", None, (folder / "known",), revoked=file))
    except HostKeyError as error:
        return "(RevokedHostKeys)" in error.message
    return False


SPECS = {
    "keys": ("key: {a}", ()),
    "keys by SHA-1": ("sha1: {a}", ()),
    "keys by SHA-256": ("sha256: {a}", ()),
    "another key": ("key: {b}", ()),
    "an authority": ("key: {ca}", ()),
    "a serial": ("serial: 7", ("-s", "ca.pub")),
    "a serial of another authority": ("serial: 7", ("-s", "other_ca.pub")),
    "a serial of all authorities": ("serial: 7", ("-s", "none")),
    "serials in a range": ("serial: 5-9", ("-s", "ca.pub")),
    "serials above": ("serial: 8-9", ("-s", "ca.pub")),
    "serials in a bitmap": ("serial: 1\nserial: 3\nserial: 5\nserial: 7\nserial: 9\nserial: 12", ("-s", "ca.pub")),
    "serials besides": ("serial: 1\nserial: 3\nserial: 5\nserial: 8\nserial: 9\nserial: 12", ("-s", "ca.pub")),
    "a key id": ("id: host a", ("-s", "ca.pub")),
    "another key id": ("id: host b", ("-s", "ca.pub")),
    "nothing": ("", ()),
}


@pytest.mark.parametrize("spec", SPECS)
def test_a_revocation_list_means_what_ssh_keygen_says(folder: Path, spec: str) -> None:
    text, words = SPECS[spec]
    names = {name: (folder / f"{name}.pub").read_text().strip() for name in ("a", "b", "ca")}
    more = [folder / word if word.endswith(".pub") else word for word in words]
    file = revocation_list(folder, text.format(**names) + "\n", *more)
    shown = ("a", "b", "a7", "a0")
    theirs = {name: keygen("-Q", "-f", file, folder / f"{name}.pub") != 0 for name in shown}
    assert {name: refuses(folder, name, file) for name in shown} == theirs


def test_the_table_has_lists_that_revoke_and_lists_that_do_not(folder: Path) -> None:
    a = (folder / "a.pub").read_text()
    assert refuses(folder, "a", revocation_list(folder, f"key: {a}"))
    assert not refuses(folder, "b", revocation_list(folder, f"key: {a}"))


@pytest.mark.parametrize("revoked", ["a", "ca"])
def test_a_plain_list_of_public_keys_revokes_them_and_what_they_signed(folder: Path, revoked: str) -> None:
    file = folder / "list"
    file.write_text("# stolen\n\n" + (folder / f"{revoked}.pub").read_text())
    assert [refuses(folder, name, file) for name in ("a", "b", "a7")] == [revoked == "a", False, True]


@pytest.mark.parametrize(
    "content", [b"nonsense\n", b"ssh-ed25519\n", b"ssh-ed25519 AAAA\n", b"SSHKRL\n\0", b"SSHKRL\n\0\0"]
)
def test_a_file_that_is_not_understood_revokes_every_key(folder: Path, content: bytes) -> None:
    (folder / "list").write_bytes(content)
    assert refuses(folder, "b", folder / "list")


def test_a_file_that_is_missing_revokes_every_key(folder: Path) -> None:
    assert refuses(folder, "b", folder / "absent")


def test_a_revocation_list_that_was_cut_revokes_every_key(folder: Path) -> None:
    text = f"serial: 5-9\nid: x\nkey: {(folder / 'a.pub').read_text()}"
    whole = revocation_list(folder, text, "-s", folder / "ca.pub").read_bytes()
    read_revoked(whole)
    sections = []
    for length in range(8, len(whole)):
        try:
            read_revoked(whole[:length])
            sections.append(length)
        except NotUnderstoodError:
            pass
    assert len(sections) < 3  # a cut between two sections alone cannot be seen


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_no_other_error_comes_of_it(content: bytes) -> None:
    for prefix in (b"", b"SSHKRL\n\0", b"SSHKRL\n\0\0\0\0\1" + bytes(32)):
        with suppress(NotUnderstoodError):
            assert not read_revoked(prefix + content).revokes(b"some key", None)


def test_the_option_is_taken_from_ssh_config_whatever_known_hosts_the_inventory_names(folder: Path) -> None:
    (folder / "config").write_text(f"Host web\n RevokedHostKeys {folder}/%n.list\n")
    settings = SSHSettings(config=str(folder / "config"), known_hosts=str(folder / "known"))
    inventory = Inventory(cluster="c", hosts=(Host(name="h", address="web", ssh=settings),))
    assert TargetFinder(inventory).target(inventory.hosts[0]).trust.revoked == folder / "web.list"


@pytest.mark.parametrize("policy", HostKeyPolicy)
def test_no_policy_accepts_a_revoked_key_of_a_new_host(folder: Path, policy: HostKeyPolicy) -> None:
    (folder / "list").write_text((folder / "a.pub").read_text())
    trust = Trust("web", None, (folder / "known",), policy=policy, revoked=folder / "list")
    with pytest.raises(HostKeyError, match="is revoked by"):
        KnownHosts(lambda _question: True).verify("w1", paramiko.PKey.from_path(folder / "a"), trust)
    assert not (folder / "known").exists()
