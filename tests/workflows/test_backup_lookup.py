"""H7, M1, M2, B12: signed headers say what is there; no single file stops a look at the others."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from swarmnet.edge.backups.keys import Recipient, Signer, fingerprint
from swarmnet.edge.backups.repository import DirectoryRepository, file_name, slug
from swarmnet.edge.backups.vault import AgeVault
from swarmnet.errors import BackupNotFoundError, DamagedError, SwarmnetError, WrongKeyError
from swarmnet.model.events import ignore
from swarmnet.plan.recovery.retention import Keep
from swarmnet.workflows.backup import prune, rewrap
from swarmnet.workflows.backup_lookup import check, find, listing, opened
from tests.support.taken_backups import NOW, taken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.sealed import Entry

ALICE, BOB = (pyrage.x25519.Identity.generate() for _ in range(2))
SIGNING, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
VAULT = AgeVault(
    recipients=tuple(Recipient(str(one.to_public())) for one in (ALICE, BOB)),
    trusted=(Signer(fingerprint(SIGNING.public_key())),),
    identities=(ALICE,),
    signing_key=SIGNING,
)
NOBODY = 65534
FORGING = AgeVault(recipients=VAULT.recipients, signing_key=STRANGER)


def _accept(_blob: bytes) -> None:
    """Find nothing wrong."""


def _write(repository: DirectoryRepository, document: BackupDocument, vault: AgeVault = VAULT) -> Path:
    return repository.write(document, vault.seal(document), check=_accept)


@pytest.fixture
def repository(tmp_path: Path) -> DirectoryRepository:
    return DirectoryRepository(tmp_path / "backups")


def _found(repository: DirectoryRepository, reference: str, cluster: str | None = "prod") -> BackupDocument:
    entry = find(reference, repository=repository, vault=VAULT, cluster=cluster).entry
    return opened(entry, repository=repository, vault=VAULT)


def test_a_copy_under_a_newer_name_is_not_the_latest(repository: DirectoryRepository) -> None:
    old, new = _write(repository, taken(0)), _write(repository, taken(5))
    (new.parent / "20991231T235959.000000Z-ffffffff.swarmnet").write_bytes(old.read_bytes())
    assert _found(repository, "latest") == taken(5)
    assert [entry.problem is None for entry in listing(repository, VAULT)] == [True, True, False]


def test_a_backup_of_another_cluster_in_this_folder_is_damage_of_that_file_alone(
    repository: DirectoryRepository,
) -> None:
    mine, other = _write(repository, taken(0)), _write(repository, taken(9, cluster="staging"))
    moved = mine.with_name(other.name)
    other.rename(moved)
    assert _found(repository, "latest") == taken(0)
    with pytest.raises(DamagedError, match=r"by its signed header it is staging/.*swarmnet"):
        _found(repository, moved.name)


def test_copies_under_other_names_displace_nothing(repository: DirectoryRepository) -> None:
    paths = [_write(repository, taken(hours)) for hours in range(5)]
    for number in range(3):
        paths[-1].with_name(f"20991231T23595{number}.000000Z-ffffffff.swarmnet").write_bytes(paths[-1].read_bytes())
    doomed = prune(Keep(last=3), "prod", repository=repository, vault=VAULT, now=NOW, remove=False)
    assert [one.entry.path for one in doomed] == [paths[1], paths[0]]


def test_latest_is_a_complete_one_where_there_is_any(repository: DirectoryRepository) -> None:
    _write(repository, taken(9, complete=False))
    assert _found(repository, "latest") == taken(9, complete=False)
    _write(repository, taken(0))
    assert _found(repository, "latest") == taken(0)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 300 * 1024 * 1024)


def _sparse_with_a_header(path: Path) -> None:
    path.write_bytes(VAULT.seal(taken(20)))
    os.truncate(path, 300 * 1024 * 1024)


PLANTED: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.touch(),
    "text": lambda path: path.write_text("no backup\n" * 9),
    "header without end": lambda path: path.write_bytes(b"swarmnet-backup\n" + b"{" * 200_000),
    "hostile header": lambda path: path.write_bytes(b'swarmnet-backup\n{"sealed_bytes":null}\n' + b"0" * 128 + b"\n"),
    "stranger": lambda path: path.write_bytes(FORGING.seal(taken(20))),
    "link": lambda path: path.symlink_to("/etc/passwd"),
    "loop": lambda path: path.symlink_to(path.name),
    "fifo": _fifo,
    "folder": lambda path: path.mkdir(),
    "sparse": _sparse,
    "sparse behind a header": _sparse_with_a_header,
}


@pytest.mark.parametrize("kind", PLANTED)
def test_no_planted_file_stops_a_look_at_the_others(repository: DirectoryRepository, kind: str) -> None:
    """M1, M2: list, check, prune, rewrap and latest go on; the file has a line of its own, and stays."""
    paths = [_write(repository, taken(hours)) for hours in (0, 1, 2)]
    planted = repository.root / "prod" / file_name(taken(20))
    PLANTED[kind](planted)
    *good, bad = listing(repository, VAULT)
    assert [entry.path for entry in good] == paths[::-1]
    assert (bad.path, bad.header) == (planted, None)
    checked = check((*good, bad), repository=repository, vault=VAULT)
    assert [one.opened for one in checked] == [True, True, True, False]
    assert _found(repository, "latest") == taken(2)
    wanted = frozenset(one.fingerprint for one in VAULT.recipients)
    again = rewrap((*good, bad), wanted, repository=repository, vault=VAULT, listener=ignore)
    assert [one.problem is None for one in again] == [True, True, True, False]
    doomed = prune(Keep(last=2), "prod", repository=repository, vault=VAULT, now=NOW, remove=True)
    assert [(one.entry.path, one.problem) for one in doomed] == [(paths[0], None)]
    assert os.path.lexists(planted)


@contextmanager
def _as_someone_else() -> Iterator[None]:
    """Let the block run without root's right to read everything."""
    mine = os.geteuid()
    os.seteuid(NOBODY if mine == 0 else mine)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_what_cannot_be_read_is_reported_and_hides_nothing_else() -> None:
    """M2: a file, and a folder, of another user."""
    with tempfile.TemporaryDirectory() as folder:
        repository = DirectoryRepository(Path(folder))
        Path(folder).chmod(0o755)
        mine, locked = _write(repository, taken(1)), _write(repository, taken(2))
        theirs = _write(repository, taken(3, cluster="theirs"))
        for path, mode in ((mine, 0o444), (mine.parent, 0o755), (locked, 0), (theirs.parent, 0)):
            path.chmod(mode)
        with _as_someone_else():
            reported = {entry.name: str(entry.problem) for entry in listing(repository, VAULT)}
            assert _found(repository, "latest") == taken(1)
        theirs.parent.chmod(0o700)
    assert reported == {
        mine.stem: "None",
        locked.stem: f"cannot read {locked}: Permission denied",
        "theirs": "cannot read the folder: Permission denied",
    }


def test_a_list_reads_no_more_than_beginnings(repository: DirectoryRepository) -> None:
    """L14."""
    planted = repository.root / "prod" / file_name(taken(20))
    planted.parent.mkdir(parents=True)
    _sparse_with_a_header(planted)
    (entry,) = repository.entries()
    head = repository.head(entry)
    assert head is not None
    assert (len(head[0]) < 100_000, head[1]) == (True, 300 * 1024 * 1024)


def test_a_file_that_goes_while_the_list_is_made_is_left_out(repository: DirectoryRepository) -> None:
    _write(repository, taken(0))
    gone = repository.entries()
    gone[0].path.unlink()

    class Stale(DirectoryRepository):
        def entries(self, cluster: str | None = None) -> tuple[Entry, ...]:
            assert cluster is None
            return gone

    assert listing(Stale(repository.root), VAULT) == ()
    assert check(gone, repository=repository, vault=VAULT) == ()


@pytest.mark.parametrize(
    "reference", ["path", "relative", "name", "exact", "begun", "id", "whole id", "copy", "renamed"]
)
def test_a_backup_is_found_by_whatever_names_it(
    repository: DirectoryRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    """B12: any file is a backup argument; names of other clusters, too."""
    monkeypatch.chdir(tmp_path)
    document = taken(1, number=0xFEEDBEEF << 96)
    path = _write(repository, document)
    _write(repository, taken(2, cluster="second"))
    copy, renamed = tmp_path / "copy", tmp_path / "any name.bin"
    for place in (copy, renamed):
        place.write_bytes(path.read_bytes())
    words = {
        "path": str(path),
        "relative": f"backups/prod/{path.name}",
        "name": path.name,
        "exact": path.stem,
        "begun": "20260131T0505",
        "id": "feed",
        "whole id": document.id,
        "copy": "copy",
        "renamed": str(renamed),
    }
    assert _found(repository, words[reference], cluster="third") == document


@pytest.mark.parametrize("reference", ["2026", "1999", "", "../prod", "latest/..", "\0", "~nobody-at-all/x", "backups"])
def test_what_names_several_or_none_is_not_found(
    repository: DirectoryRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for hours in (1, 2):
        _write(repository, taken(hours))
    with pytest.raises(BackupNotFoundError) as caught:
        _found(repository, reference)
    assert caught.value.exit_code == 10


def test_planted_names_do_not_make_the_beginning_of_a_name_ambiguous(repository: DirectoryRepository) -> None:
    path = _write(repository, taken(1))
    path.with_name(f"{path.stem[:10]}9.swarmnet").write_bytes(path.read_bytes())
    assert _found(repository, path.stem[:10]) == taken(1)


def test_latest_of_a_new_cluster_means_the_only_other_cluster_there_is(repository: DirectoryRepository) -> None:
    _write(repository, taken(0, cluster="old"))
    assert _found(repository, "latest", cluster="new") == taken(0, cluster="old")
    _write(repository, taken(1, cluster="other"))
    with pytest.raises(BackupNotFoundError, match="there are those of old, other"):
        _found(repository, "latest", cluster="new")


def test_where_nothing_verifies_latest_tells_what_people_can_do_most_about(repository: DirectoryRepository) -> None:
    """B13: an unknown signer is named, whatever else is there."""
    stranger = _write(repository, taken(1), FORGING)
    stranger.with_name(file_name(taken(2))).write_bytes(b"junk")
    with pytest.raises(WrongKeyError, match=r"not trusted here: SHA256:[A-Za-z0-9+/]{43}") as caught:
        _found(repository, "latest")
    line = Signer(fingerprint(STRANGER.public_key())).line
    assert f"swarmnet keys add --signer '{line}'" in str(caught.value.hint)
    assert "keys init" not in str(caught.value.hint)


def test_a_file_that_is_exchanged_while_it_is_read_is_damage(repository: DirectoryRepository) -> None:
    path = _write(repository, taken(5))
    entry = find("latest", repository=repository, vault=VAULT).entry
    path.unlink()
    path.write_bytes(VAULT.seal(taken(0)))
    with pytest.raises(DamagedError, match="another backup was put in its place"):
        opened(entry, repository=repository, vault=VAULT)


def test_a_newer_schema_is_the_latest_and_reported_instead_of_an_older_backup(repository: DirectoryRepository) -> None:
    _write(repository, taken(0))
    _write(repository, taken(1).model_copy(update={"schema_version": "1.7"}))
    assert _found(repository, "latest").schema_version == "1.7"


def test_what_cannot_be_removed_is_reported_and_the_others_go(repository: DirectoryRepository) -> None:
    paths = [_write(repository, taken(hours)) for hours in (0, 1, 2)]

    class Stubborn(DirectoryRepository):
        def remove(self, entry: object) -> None:
            if getattr(entry, "path", None) == paths[1]:
                raise SwarmnetError("cannot remove it")
            super().remove(entry)  # type: ignore[arg-type]

    doomed = prune(Keep(last=1), "prod", repository=Stubborn(repository.root), vault=VAULT, now=NOW, remove=True)
    assert [str(one.problem) for one in doomed] == ["cannot remove it", "None"]
    assert [path.exists() for path in paths] == [False, True, True]


def test_slugs_and_folders_agree(repository: DirectoryRepository) -> None:
    document = taken(0, cluster="Prod/../Übung")
    path = _write(repository, document)
    assert path.parent.name == slug(document.cluster)
    assert _found(repository, "latest", cluster=document.cluster) == document
