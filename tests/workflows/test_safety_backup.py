"""apply and restore save the cluster before their first change; what they saved hides no other backup."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from swarmnet.cli.safety import Safety
from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.backups.keys import Recipient, Signer, fingerprint
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.edge.backups.vault import AgeVault
from swarmnet.errors import LockedError
from swarmnet.model.backup import Reason
from swarmnet.workflows.apply import apply
from swarmnet.workflows.backup_lookup import find, listing, opened
from swarmnet.workflows.safety_backup import SafetyBackup
from tests.simulator import World
from tests.support.backups import CREATED, a_document
from tests.support.goals import SITE, goal, run, terms

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument
    from swarmnet.workflows.backup import Taken

ALICE, SIGNING = pyrage.x25519.Identity.generate(), Ed25519PrivateKey.generate()
VAULT = AgeVault(
    recipients=(Recipient(str(ALICE.to_public())),),
    trusted=(Signer(fingerprint(SIGNING.public_key())),),
    identities=(ALICE,),
    signing_key=SIGNING,
    single_recipient=True,
)
MORE = SITE + "  - network: {name: third, attachable: true}\n"


@pytest.fixture
def repository(tmp_path: Path) -> DirectoryRepository:
    return DirectoryRepository(tmp_path / "backups")


def _world() -> World:
    world = World(managers=1, workers=1)
    run(world)
    world.requests.clear()
    return world


def _saving(repository: DirectoryRepository, taken: list[Taken], reason: Reason = Reason.PRE_APPLY) -> SafetyBackup:
    return SafetyBackup(
        vault=lambda: VAULT,
        repository=repository,
        reason=reason,
        tool="swarmnet 0.1.0",
        new_id=lambda: f"{len(taken) + 1:032x}",
        taken=taken.append,
    )


def _apply(world: World, safety: SafetyBackup, text: str = MORE) -> None:
    assert not apply(world.ports(), goal(world.inventory, text), replace(terms(), safeguard=safety)).failed


def test_what_was_there_is_saved_before_the_first_change(repository: DirectoryRepository) -> None:
    world = _world()
    taken: list[Taken] = []

    _apply(world, _saving(repository, taken))

    (entry,) = listing(repository, VAULT)
    saved = opened(entry, repository=repository, vault=VAULT)
    assert (saved.reason, saved.completeness.complete) == (Reason.PRE_APPLY, True)
    assert {net.spec.name for net in saved.state.networks} >= {"front", "back"}
    assert "third" not in {net.spec.name for net in saved.state.networks}
    assert saved.state.configs == ()  # this run's own lock
    assert [one.document for one in taken] == [saved]


def test_nothing_is_saved_where_nothing_changes_and_where_there_is_no_swarm(repository: DirectoryRepository) -> None:
    taken: list[Taken] = []
    _apply(_world(), _saving(repository, taken), SITE)
    _apply(World(managers=1), _saving(repository, taken), SITE)
    assert taken == []
    assert not repository.root.exists()


def test_what_cannot_be_saved_is_not_changed(repository: DirectoryRepository) -> None:
    world = _world()
    with repository.locked("sim"), pytest.raises(LockedError) as caught:
        _apply(world, _saving(repository, []))
    assert "--no-backup" in str(caught.value.hint)
    assert "third" not in {net.spec.name for net in world.store("m1").networks.values()}
    assert world.store("m1").configs == {}  # the run gave its lock back


def test_no_keys_or_no_wish_saves_nothing_and_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], repository: DirectoryRepository
) -> None:
    place = str(repository.root)
    keyless = Safety(repository=place, keys=tmp_path / "none").before(Reason.PRE_APPLY)
    BackupKeys(tmp_path / "keys").create("alice")
    unwanted = Safety(no_backup=True, repository=place, keys=tmp_path / "keys").before(Reason.PRE_APPLY)
    for safeguard in (keyless, unwanted):
        world = _world()
        apply(world.ports(), goal(world.inventory, MORE), replace(terms(), safeguard=safeguard))
    assert not repository.root.exists()
    assert capsys.readouterr().err == ""


def test_with_keys_one_line_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], repository: DirectoryRepository
) -> None:
    BackupKeys(tmp_path / "keys").create("alice")
    world = _world()
    safeguard = Safety(repository=str(repository.root), keys=tmp_path / "keys").before(Reason.PRE_APPLY)
    apply(world.ports(), goal(world.inventory, MORE), replace(terms(), safeguard=safeguard))
    (line,) = capsys.readouterr().err.splitlines()
    said, _, path = line.partition(": ")
    assert said == "saved before the first change"
    assert Path(path).is_file()


def _put(repository: DirectoryRepository, hours: int, reason: Reason, cluster: str = "prod") -> BackupDocument:
    created = CREATED.replace(hour=hours)
    update = {"id": f"{hours:032x}", "created": created, "reason": reason, "cluster": cluster}
    document = a_document().model_copy(update=update)
    repository.write(document, VAULT.seal(document), check=VAULT.header)
    return document


def test_latest_is_the_same_backup_after_a_restore_saved_what_it_replaced(repository: DirectoryRepository) -> None:
    meant = _put(repository, 1, Reason.SCHEDULE)
    _put(repository, 2, Reason.PRE_RESTORE)
    found = find("latest", repository=repository, vault=VAULT, cluster="prod")
    assert found.entry.id == meant.id
    assert len(found.among) == 2


def test_a_restore_from_the_backup_of_another_cluster_can_be_run_again(repository: DirectoryRepository) -> None:
    meant = _put(repository, 1, Reason.MANUAL, "old")
    _put(repository, 2, Reason.PRE_RESTORE, "new")
    assert find("latest", repository=repository, vault=VAULT, cluster="new").entry.id == meant.id


def test_what_a_restore_saved_is_found_by_name_and_where_there_is_nothing_else(repository: DirectoryRepository) -> None:
    saved = _put(repository, 2, Reason.PRE_RESTORE)
    for reference in ("latest", saved.id):
        assert find(reference, repository=repository, vault=VAULT, cluster="prod").entry.id == saved.id


def test_what_an_apply_saved_is_the_latest_state_of_the_cluster(repository: DirectoryRepository) -> None:
    _put(repository, 1, Reason.SCHEDULE)
    saved = _put(repository, 2, Reason.PRE_APPLY)
    assert find("latest", repository=repository, vault=VAULT, cluster="prod").entry.id == saved.id
