"""M11: keys and lists that others can change decide nothing, private keys that others can read open nothing."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.sealing import opening_vault, sealing_vault
from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.backups.seen import SeenFile
from swarmnet.edge.operator import owned_files
from swarmnet.edge.operator.owned_files import read_private, read_public
from swarmnet.errors import UsageError
from swarmnet.model.sealed import Mark
from tests.support.backups import CREATED
from tests.support.sshd import make_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PRIVATE = ("identity.txt", "signing.key", "recovery.txt", "sign.key")
PUBLIC = ("recipients.txt", "signers.txt", "seen.json")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Return a directory of keys with each file that there can be, and two that are named on the command line."""
    folder = tmp_path / "keys"
    BackupKeys(folder).create("alice", recovery_file=folder / "recovery.txt")
    SeenFile(folder).keep("prod", Mark(created=CREATED, id="0" * 32))
    BackupKeys(tmp_path / "other").create("bob")
    (tmp_path / "other" / "signing.key").rename(folder / "sign.key")
    return folder


def _use_all(keys: Path) -> tuple[int, int, int, str]:
    """Read everything that is there, as commands do; return the numbers of keys, and the newest backup."""
    opening = opening_vault(keys, [keys / "recovery.txt"], None)
    sealing = [sealing_vault(keys, None, key, single_recipient=False) for key in (keys / "sign.key", None)]
    newest = SeenFile(keys).newest("prod")
    signers = {vault.trusted[0].fingerprint for vault in sealing}
    return len(opening.identities), len(sealing[0].recipients), len(signers), newest.id if newest else ""


ALL = (2, 2, 2, "0" * 32)


def test_what_swarmnet_makes_itself_is_read_in_full(keys: Path) -> None:
    assert _use_all(keys) == ALL


@pytest.mark.parametrize("file", ["", *PRIVATE, *PUBLIC])
@pytest.mark.parametrize("bit", [0o020, 0o002])
def test_what_others_can_write_is_refused(keys: Path, file: str, bit: int) -> None:
    path = keys / file
    path.chmod(path.stat().st_mode | bit)
    with pytest.raises(UsageError, match="can be changed by others") as caught:
        _use_all(keys)
    assert str(path) in str(caught.value)
    assert "chmod go-w" in str(caught.value.hint)


@pytest.mark.parametrize("file", PRIVATE)
@pytest.mark.parametrize("bit", [0o040, 0o004])
def test_a_private_key_that_others_can_read_is_refused_as_ssh_refuses_it(keys: Path, file: str, bit: int) -> None:
    path = keys / file
    path.chmod(path.stat().st_mode | bit)
    with pytest.raises(UsageError, match="can be read by others"):
        _use_all(keys)
    path.chmod(0o600)
    assert _use_all(keys) == ALL


@pytest.mark.parametrize("file", PUBLIC)
def test_lists_may_be_read_by_everyone(keys: Path, file: str) -> None:
    (keys / file).chmod(0o644)
    assert _use_all(keys) == ALL


def test_what_belongs_to_another_user_is_refused(tmp_path: Path) -> None:
    theirs = [stat.S_IFREG | 0o600, *tmp_path.stat()[1:10]]
    theirs[4] = os.geteuid() + 8
    with pytest.raises(UsageError, match="belongs to another user"):
        owned_files._refuse_foreign(tmp_path, os.stat_result(theirs), hint="")


@pytest.mark.parametrize(
    "make", [os.mkdir, lambda path: path.write_bytes(bytes(2 * 1024 * 1024))], ids=["folder", "large"]
)
def test_what_is_not_a_file_of_keys_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "identity.txt"
    make(path)
    path.chmod(0o700)
    for read in (read_private, read_public):
        with pytest.raises(UsageError, match="identity"):
            read(path)


READS_A_KEY = """
from swarmnet.edge.backups.key_ring import BackupKeys
before = ctypes.CDLL(None).prctl(3)
BackupKeys(Path(sys.argv[1])).own_identity()
"""
LOGS_IN = """
from swarmnet.edge.ssh.keys import LoginKeys
before = ctypes.CDLL(None).prctl(3)
LoginKeys().load("m1", Path(sys.argv[1]) / "id_login")
"""
REACHES_HOSTS = """
from swarmnet.cli.wiring import connected
from swarmnet.parse.inventory import parse_inventory
text = b"{schema: 1, cluster: prod, hosts: {m1: {address: 192.0.2.1, role: manager}}}"
before = ctypes.CDLL(None).prctl(3)
connected(parse_inventory(text, name="hosts.yml", folder=Path.cwd()).inventory).__enter__()
"""


@pytest.mark.parametrize("does", [READS_A_KEY, LOGS_IN, REACHES_HOSTS], ids=["reads a key", "logs in", "reaches hosts"])
def test_a_process_with_keys_in_memory_leaves_no_core_dump(keys: Path, does: str) -> None:
    """L9: neither by its limit nor by a dump handler."""
    make_key(keys / "id_login")
    limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
    begin = f"import ctypes, resource, sys\nresource.setrlimit(resource.RLIMIT_CORE, ({limit}, {limit}))"
    end = "print(before, ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE))"
    code = f"{begin}\nfrom pathlib import Path\n{does}\n{end}"
    said = subprocess.run([sys.executable, "-c", code, keys], capture_output=True, text=True, check=True).stdout
    assert said == "1 0 (0, 0)\n"


READS_ITS_CHILD = """
import ctypes, os, sys
from swarmnet.edge.operator.core_dumps import forbid_core_dumps
if os.geteuid() == 0:  # root may read everything
    os.setgid(65534), os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
from_child, to_parent = os.pipe()
from_parent, to_child = os.pipe()
child = os.fork()
if not child:
    if sys.argv[1] == "forbidden":
        forbid_core_dumps()
    os.write(to_parent, b"x")
    os.read(from_parent, 1)
    os._exit(0)
os.read(from_child, 1)
try:
    open(f"/proc/{child}/mem", "rb").close()
    read = True
except PermissionError:
    read = False
traced = ctypes.CDLL(None).ptrace(16, child, 0, 0) == 0  # PTRACE_ATTACH
if traced:
    os.waitpid(child, 0)
    ctypes.CDLL(None).ptrace(17, child, 0, 0)  # PTRACE_DETACH
os.write(to_child, b"x")
os.waitpid(child, 0)
print(read, traced)
"""


@pytest.mark.parametrize(("state", "expected"), [("open", "True True"), ("forbidden", "False False")])
def test_no_process_of_the_same_user_reads_the_memory_of_one_with_keys(state: str, expected: str) -> None:
    """L9: of a real process; the first case proves that the second one measures something."""
    done = subprocess.run(
        [sys.executable, "-c", READS_ITS_CHILD, state], capture_output=True, text=True, check=True, timeout=240
    )
    assert done.stdout.strip() == expected
