from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from swarmnet.edge.backups.keys import Recipient, Signer, fingerprint
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.edge.backups.vault import AgeVault
from swarmnet.errors import DamagedError, IncompleteError, NothingReachableError, WrongKeyError
from swarmnet.model.events import ignore
from swarmnet.model.hosts import Host, Inventory
from swarmnet.model.state import ClusterState, HostFailure, KeyStanding
from swarmnet.plan.recovery.retention import Keep
from swarmnet.workflows.backup import Order, Taken, compare, create, prune
from swarmnet.workflows.backup_lookup import check, find, listing, opened
from tests.support.backups import CANARY, CREATED, a_document, a_state

if TYPE_CHECKING:
    from pathlib import Path

ALICE, BOB, MALLORY = (pyrage.x25519.Identity.generate() for _ in range(3))
SIGNING = Ed25519PrivateKey.generate()
VAULT = AgeVault(
    recipients=tuple(Recipient(str(one.to_public())) for one in (ALICE, BOB)),
    trusted=(Signer(fingerprint(SIGNING.public_key())),),
    identities=(ALICE,),
    signing_key=SIGNING,
)
KEYLESS = AgeVault(trusted=VAULT.trusted)


@pytest.fixture
def repository(tmp_path: Path) -> DirectoryRepository:
    return DirectoryRepository(tmp_path / "backups")


def _order(number: int = 1, *, allow_partial: bool = False) -> Order:
    created = CREATED + timedelta(hours=number)
    return Order("prod", f"{number:032x}", created, "swarmnet 0.1.0", allow_partial=allow_partial)


def _create(repository: DirectoryRepository, order: Order | None = None, state: ClusterState | None = None) -> Taken:
    return create(order or _order(), lambda: state or a_state(), vault=VAULT, repository=repository, listener=ignore)


def test_a_backup_opens_to_what_was_seen_without_tasks(repository: DirectoryRepository) -> None:
    taken = _create(repository)
    found = find("latest", repository=repository, vault=VAULT).entry
    document = opened(found, repository=repository, vault=VAULT)
    assert document == taken.document
    assert document.completeness.complete
    assert document.state.networks == a_state().networks
    assert [box.name for box in document.state.hosts[0].containers] == ["box"]


def test_what_can_never_come_back_is_listed_by_name(repository: DirectoryRepository) -> None:
    losses = {(loss.kind, loss.what) for loss in _create(repository).document.losses}
    assert {("ids", "all"), ("virtual-ips", "all"), ("secret", "tls-key"), ("container", "box on m1")} <= losses


def test_a_host_that_did_not_answer_makes_the_backup_partial(repository: DirectoryRepository) -> None:
    state = a_state().model_copy(update={"failures": (HostFailure(host="w2", reason="no route to host"),)})
    document = _create(repository, state=state).document
    assert not document.completeness.complete
    (entry,) = listing(repository, KEYLESS)
    assert entry.header is not None
    assert not entry.header.complete


def test_what_a_backup_leaves_out_does_not_keep_it_from_opening(repository: DirectoryRepository) -> None:
    state = a_state()
    engine = state.hosts[0].engine.model_copy(update={"firewall": "nftables"})
    hosts = (state.hosts[0].model_copy(update={"engine": engine}), *state.hosts[1:])
    lying = HostFailure(host="w9", reason="says that it is another node", disbelieved=True)
    update = {"hosts": hosts, "failures": (lying,), "unlock_key_file": KeyStanding.KEPT}
    taken = _create(repository, _order(allow_partial=True), state.model_copy(update=update))
    assert [failure.host for failure in taken.document.completeness.failures] == ["w9"]


def test_hosts_that_a_limit_left_out_make_the_backup_partial_and_are_named(repository: DirectoryRepository) -> None:
    hosts = tuple(Host(name=name, address="192.0.2.1") for name in ("m1", "w1", "w2"))
    order = replace(_order(), inventory=Inventory(cluster="prod", hosts=hosts))
    completeness = _create(repository, order).document.completeness
    assert not completeness.complete
    assert [(one.host, one.reason) for one in completeness.failures] == [("w2", "left out by --limit")]


def test_without_a_manager_nothing_is_written_unless_a_part_is_asked_for(repository: DirectoryRepository) -> None:
    state = a_state().model_copy(update={"swarm": None})
    with pytest.raises(IncompleteError) as caught:
        _create(repository, state=state)
    assert caught.value.exit_code == 3
    assert not [*repository.root.rglob("*.swarmnet")]
    assert not _create(repository, _order(allow_partial=True), state).document.completeness.complete


def test_when_no_host_answers_there_is_no_backup(repository: DirectoryRepository) -> None:
    state = ClusterState(failures=(HostFailure(host="m1", reason="no route to host"),))
    with pytest.raises(NothingReachableError, match="no route"):
        _create(repository, _order(allow_partial=True), state)
    assert not [*repository.root.rglob("*.swarmnet")]


def test_a_backup_that_waited_is_of_the_time_when_it_looked(repository: DirectoryRepository) -> None:
    times: list[timedelta] = []

    def late() -> ClusterState:
        times.append(timedelta(hours=2))
        return a_state()

    def now() -> datetime:
        return CREATED + sum(times, timedelta())

    taken = create(_order(), late, vault=VAULT, repository=repository, listener=ignore, now=now)
    assert taken.document.created == CREATED + timedelta(hours=2)


def test_an_interrupted_backup_leaves_nothing_and_frees_the_lock(repository: DirectoryRepository) -> None:
    def interrupted() -> ClusterState:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create(_order(), interrupted, vault=VAULT, repository=repository, listener=ignore)
    assert not [*repository.root.rglob("*.swarmnet")]
    _create(repository)


def test_check_tells_opened_unproven_and_damaged_apart(repository: DirectoryRepository) -> None:
    _create(repository)
    broken = _create(repository, _order(2)).path
    broken.chmod(0o600)
    broken.write_bytes(broken.read_bytes()[:-1])
    entries = listing(repository, VAULT)
    good, bad = check(entries, repository=repository, vault=VAULT)
    assert isinstance(bad.problem, DamagedError)
    assert (good.opened, good.problem) == (True, None)
    assert not check(entries[:1], repository=repository, vault=KEYLESS)[0].opened
    foreign = AgeVault(trusted=VAULT.trusted, identities=(MALLORY,))
    assert isinstance(check((good.entry,), repository=repository, vault=foreign)[0].problem, WrongKeyError)


def test_the_list_shows_what_is_wrong_instead_of_failing(repository: DirectoryRepository) -> None:
    path = _create(repository).path
    path.chmod(0o600)
    path.write_bytes(b"")
    (entry,) = listing(repository, VAULT)
    assert entry.header is None
    assert str(entry.problem) == "the file is empty"


def test_live_and_backup_compare_like_two_backups(repository: DirectoryRepository) -> None:
    document = _create(repository).document
    assert compare(document, document).differences == ()
    assert compare(document, a_state()).differences == ()
    assert compare(document, a_document(a_state().model_copy(update={"services": ()}))).differences != ()


def test_prune_shows_first_and_removes_on_demand(repository: DirectoryRepository) -> None:
    for number in (1, 2, 3):
        _create(repository, _order(number))
    now = CREATED + timedelta(days=1)
    arguments = {"repository": repository, "vault": KEYLESS, "now": now}
    doomed = prune(Keep(last=1), "prod", remove=False, **arguments)  # type: ignore[arg-type]
    assert len(doomed) == 2
    assert len(repository.entries()) == 3
    prune(Keep(last=1), "prod", remove=True, **arguments)  # type: ignore[arg-type]
    assert [entry.header.created for entry in listing(repository, KEYLESS) if entry.header] == [
        CREATED + timedelta(hours=3)
    ]


def test_no_secret_value_is_in_any_file_of_the_repository(repository: DirectoryRepository) -> None:
    _create(repository)
    files = [path for path in repository.root.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert CANARY.encode() not in path.read_bytes()
