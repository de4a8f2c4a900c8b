"""Copies of real backups at real targets, read from there by all that reads backups."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.backups.away import AwayRepository
from swarmnet.edge.backups.heads import Heads
from swarmnet.errors import DamagedError, TargetError
from swarmnet.model.events import ignore
from swarmnet.plan.recovery.retention import Keep
from swarmnet.workflows.backup import prune
from swarmnet.workflows.backup_copy import Destination, Outcome, copy
from swarmnet.workflows.backup_lookup import check, find, listing, opened
from tests.support.backup_targets import KINDS, Place, fetched, put
from tests.support.backups import CREATED
from tests.support.sealed import VAULT, take

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.workflows.backup_copy import Copied

NOW = CREATED + timedelta(days=30)


@pytest.fixture(params=list(KINDS))
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with KINDS[request.param](tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def source(tmp_path: Path) -> DirectoryRepository:
    return take(tmp_path / "backups", 3)


def _to(place: Place, index: Path | None = None, *, replace: bool = False) -> Destination:
    heads = None if index is None else Heads(place.url, index)
    return Destination(place.target, AwayRepository(place.target, heads), replace=replace)


def _copy(source: DirectoryRepository, to: Destination) -> tuple[Copied, ...]:
    return copy(listing(source, VAULT), source=source, vault=VAULT, to=to, listener=ignore)


def _outcomes(copied: tuple[Copied, ...]) -> list[Outcome]:
    return [one.outcome for one in copied]


def test_copies_open_to_what_was_sealed_and_a_second_run_copies_nothing(
    source: DirectoryRepository, place: Place
) -> None:
    assert _outcomes(_copy(source, _to(place))) == [Outcome.COPIED] * 3

    away = _to(place).repository
    assert [one.name for one in listing(away, VAULT)] == [one.name for one in listing(source, VAULT)]
    found = find("latest", repository=away, vault=VAULT, cluster="prod").entry
    assert found.place == f"{place.url}/prod/{found.name}.swarmnet"
    assert opened(found, repository=away, vault=VAULT).id == "2" + "0" * 31
    assert all(one.opened for one in check(listing(away, VAULT), repository=away, vault=VAULT))
    assert _outcomes(_copy(source, _to(place))) == [Outcome.PRESENT] * 3


def test_prune_keeps_to_its_rules_at_a_target(source: DirectoryRepository, place: Place) -> None:
    _copy(source, _to(place))

    gone = prune(Keep(last=2), "prod", repository=_to(place).repository, vault=VAULT, now=NOW, remove=True)

    assert [one.entry.id for one in gone] == ["0" * 32]
    assert len(listing(_to(place).repository, VAULT)) == len(place.names()) == 2
    assert len(listing(source, VAULT)) == 3


def test_a_damaged_backup_is_not_copied_and_stops_no_other(source: DirectoryRepository, place: Place) -> None:
    damaged = listing(source, VAULT)[1].path
    damaged.chmod(0o600)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")

    copied = _copy(source, _to(place))

    assert _outcomes(copied) == [Outcome.COPIED, Outcome.FAILED, Outcome.COPIED]
    assert isinstance(copied[1].problem, DamagedError)
    assert len(place.names()) == 2


def test_another_content_under_the_name_is_reported_and_replaced_on_demand(
    source: DirectoryRepository, place: Place
) -> None:
    newest, *_ = listing(source, VAULT)
    name = f"prod/{newest.path.name}"
    put(place.target, name, b"someone else's")

    *_, refused = _copy(source, _to(place))
    assert isinstance(refused.problem, TargetError)
    assert "--replace" in (refused.problem.hint or "")
    assert fetched(place.target, name) == b"someone else's"

    *_, replaced = _copy(source, _to(place, replace=True))
    assert replaced.outcome is Outcome.COPIED
    assert fetched(place.target, name) == newest.path.read_bytes()
