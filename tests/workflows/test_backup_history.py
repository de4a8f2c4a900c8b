"""H7 as a law: files come, are copied, renamed, damaged, deleted, and clocks step; names are never believed."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.edge.backups.keys import Recipient, Signer, fingerprint
from swarmnet.edge.backups.repository import DirectoryRepository, file_name
from swarmnet.edge.backups.vault import AgeVault
from swarmnet.errors import BackupNotFoundError, DamagedError, RefusedError
from swarmnet.plan.recovery.retention import Keep
from swarmnet.workflows.backup import prune
from swarmnet.workflows.backup_lookup import check, find, listing, opened
from tests.support.taken_backups import NOW, taken

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument

ALICE, BOB = (pyrage.x25519.Identity.generate() for _ in range(2))
SIGNING = Ed25519PrivateKey.generate()
VAULT = AgeVault(
    recipients=tuple(Recipient(str(one.to_public())) for one in (ALICE, BOB)),
    trusted=(Signer(fingerprint(SIGNING.public_key())),),
    identities=(ALICE,),
    signing_key=SIGNING,
)
SEALED = [
    (document, VAULT.seal(document))
    for document in (
        taken(hours, number=number, complete=number % 3 != 2)
        for number, hours in enumerate((0, 5, 300, 40, -1000, 7, 6, 41))
    )
]
OWN = [f"prod/{file_name(document)}" for document, _ in SEALED]
OTHERS = [
    f"other/{file_name(SEALED[0][0])}",
    "prod/20991231T235959.000000Z-ffffffff.swarmnet",
    "prod/19700101T000000.000000Z-00000000.swarmnet",
    "prod/zzz.swarmnet",
]
NAME = st.sampled_from([*OWN, *OTHERS])
STEP = st.one_of(
    st.tuples(st.just("take"), st.sampled_from(OWN), st.just("")),
    st.tuples(st.just("copy"), NAME, NAME),
    st.tuples(st.just("rename"), NAME, NAME),
    st.tuples(st.just("delete"), NAME, st.just("")),
    st.tuples(st.just("damage"), NAME, st.just("")),
)


def _damaged(blob: bytes) -> bytes:
    return blob[:-9] + bytes([blob[-9] ^ 1]) + blob[-8:]


@dataclass
class World:
    """A repository, and what was done to it."""

    root: Path
    files: dict[str, bytes] = field(default_factory=dict)

    def do(self, kind: str, first: str, second: str) -> None:
        if kind == "take":
            self._put(first, SEALED[OWN.index(first)][1])
        elif first in self.files:
            blob = self.files[first]
            if kind in ("rename", "delete"):
                self._remove(first)
            if kind in ("rename", "copy", "damage"):
                self._put(second or first, _damaged(blob) if kind == "damage" else blob)

    def newest_first(self, *, damaged: bool = False) -> list[BackupDocument]:
        """Return the backups that are whole and in their place, or those that are damaged there."""
        found = [
            document
            for name, (document, blob) in zip(OWN, SEALED, strict=True)
            if self.files.get(name) == (_damaged(blob) if damaged else blob)
        ]
        return sorted(found, key=lambda document: (document.created, document.id), reverse=True)

    def _put(self, name: str, blob: bytes) -> None:
        self._remove(name)
        self.files[name] = blob
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob)

    def _remove(self, name: str) -> None:
        self.files.pop(name, None)
        (self.root / name).unlink(missing_ok=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=25), st.integers(1, 3), st.integers(0, 2))
def test_latest_order_and_prune_go_by_what_is_signed(steps: list[tuple[str, str, str]], last: int, daily: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world, repository = World(Path(folder)), DirectoryRepository(Path(folder))
        for step in steps:
            world.do(*step)
        sound = world.newest_first()
        entries = listing(repository, VAULT)
        whole = [one.entry.id for one in check(entries, repository=repository, vault=VAULT) if one.problem is None]
        assert whole == [document.id for document in sound]
        assert len(entries) == len(world.files)
        _assert_latest_is_the_newest_complete(repository, world)
        _assert_prune_keeps_the_newest(repository, world, Keep(last=last, daily=daily))


def _assert_latest_is_the_newest_complete(repository: DirectoryRepository, world: World) -> None:
    complete = [document for document in world.newest_first() if document.completeness.complete]
    try:
        found = opened(
            find("latest", repository=repository, vault=VAULT, cluster="prod").entry, repository=repository, vault=VAULT
        )
    except BackupNotFoundError:
        assert not world.newest_first()
    except DamagedError:
        # The newest by its header is damaged inside: this is reported, and no older one is taken for it.
        newest = complete[0].created if complete else None
        damaged = world.newest_first(damaged=True)
        assert not world.newest_first() or any(newest is None or document.created > newest for document in damaged)
    else:
        assert found == [*complete, *world.newest_first()][0]


def _assert_prune_keeps_the_newest(repository: DirectoryRepository, world: World, keep: Keep) -> None:
    complete = [document for document in world.newest_first() if document.completeness.complete]
    mine = {f"prod/{file_name(document)}" for document in world.newest_first()}
    try:
        prune(keep, "prod", repository=repository, vault=VAULT, now=NOW, remove=True)
    except (BackupNotFoundError, RefusedError):
        assert not complete
        return
    gone = {name for name in world.files if not (world.root / name).exists()}
    assert not gone & {f"prod/{file_name(document)}" for document in complete[: max(1, keep.last)]}
    assert gone <= mine
