"""What ``status`` says of backups: how old the newest complete one is, where, and whether that is too old."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from swarmnet.cli.backup_age import Watched
from swarmnet.cli.schedules import schedules
from swarmnet.cli.sealing import sealing_vault
from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.edge.backups.vault import AgeVault
from swarmnet.report.documents.status import status_document
from swarmnet.report.reports.status import status_report
from swarmnet.report.terminal.status import backup_text
from swarmnet.workflows.backup_lookup import newest_complete
from tests.support.backups import a_document, a_state
from tests.support.clusters import inventory
from tests.support.nights import a_schedule
from tests.support.taken_backups import PARTIAL

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.backup_age import BackupAge
    from swarmnet.model.sealed import SealedHeader
    from swarmnet.model.state import ClusterState
    from swarmnet.report.formats.report import Check


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    BackupKeys(tmp_path / "swarmnet" / "keys").create("alice")
    return tmp_path


def _take(place: Path, hours: float, state: ClusterState | None = None, *, folder: str = "backups") -> None:
    vault = sealing_vault(place / "swarmnet" / "keys", None, None, single_recipient=False)
    update = {"created": datetime.now(UTC) - timedelta(hours=hours), "id": f"{int(hours):032x}"}
    document = a_document(state).model_copy(update=update)
    DirectoryRepository(place / folder).write(document, vault.seal(document), check=vault.header)


def test_the_newest_complete_backup_counts_and_a_limit_makes_it_too_old(place: Path) -> None:
    _take(place, 30)
    _take(place, 5.01)
    _take(place, 1, PARTIAL)

    assert backup_text(Watched().age("prod")) == f"the newest complete one is 5 hours old, in {place / 'backups'}"
    late = Watched(max_age=4).age("prod")
    assert late.overdue
    assert backup_text(late).startswith("OVERDUE: the newest complete one is 5 hours old")
    assert not Watched(max_age=6).age("prod").overdue


@dataclass(frozen=True)
class Counting(AgeVault):
    """A vault that counts the headers that it checks."""

    sizes: list[int] = field(default_factory=list)

    @override
    def glance(self, head: bytes, size: int) -> SealedHeader:
        self.sizes.append(size)
        return super().glance(head, size)


def test_headers_are_read_from_the_newest_name_on_up_to_the_first_that_counts(place: Path) -> None:
    for hours in (300, 30, 5):
        _take(place, hours)
    _take(place, 1, PARTIAL)
    folder, now = place / "backups" / "prod", datetime.now(UTC)
    (old, *_) = sorted(folder.glob("*.swarmnet"))
    shutil.copy(old, folder / f"{now:%Y%m%dT%H%M%S.%fZ}-{'0' * 8}.swarmnet")  # its name says now, its header 300 h
    vault = Counting(trusted=BackupKeys(place / "swarmnet" / "keys").signers())

    found = newest_complete(DirectoryRepository(place / "backups"), lambda: vault, "prod", now)

    assert found is not None
    assert (now - found) // timedelta(hours=1) == 5
    assert len(vault.sizes) == 4  # the renamed one, twice, the partial one, and the one of 5 h: no older one


def test_no_key_is_read_where_there_is_no_backup(place: Path) -> None:
    (place / "backups" / "prod").mkdir(parents=True)
    (place / "swarmnet" / "keys" / "signers.txt").chmod(0o666)  # would be refused

    assert Watched().age("prod").problem is None


def test_a_schedule_is_found_whatever_else_is_in_the_directory(place: Path) -> None:
    schedules(None).put(a_schedule(place, cluster="prod"))
    other = schedules(None).directory / "other.schedule.json"
    other.write_text("{")
    other.chmod(0o600)

    assert Watched().age("prod").is_scheduled
    assert Watched().age("third").is_scheduled is False


def test_without_a_backup_there_is_none_and_only_a_limit_makes_that_a_fault(place: Path) -> None:
    assert backup_text(Watched().age("prod")) == f"no complete one in {place / 'backups'}"
    _take(place, 1)
    assert Watched(max_age=1).age("other").overdue
    assert not Watched().age("other").overdue


def test_a_schedule_says_where_and_how_old(place: Path) -> None:
    _take(place, 3, folder="night")
    fields = {"cluster": "prod", "repository": str(place / "night"), "keys": str(place / "swarmnet" / "keys")}
    schedules(None).put(a_schedule(place, max_age=2 * 3600, **fields))

    found = Watched().age("prod")

    assert (found.overdue, found.is_scheduled, found.max_age) == (True, True, 7200)
    assert "by a schedule; it may be 2 h old" in backup_text(found)
    assert not Watched(max_age=4).age("prod").overdue
    assert Watched(repository=str(place / "backups")).age("prod").newest is None
    checks = {one.group: one for one in _checks(found)}
    assert (checks["backup"].status.value, checks["backup"].advice) == ("failed", "swarmnet schedule run shop")


def _checks(found: BackupAge) -> tuple[Check, ...]:
    document = status_document(a_state(), inventory(), [], backups=found)
    return status_report(document, []).checks


def test_what_cannot_be_read_is_said_and_hides_nothing(place: Path) -> None:
    _take(place, 1)
    (place / "swarmnet" / "keys" / "signers.txt").chmod(0o666)
    found = Watched(max_age=1000).age("prod")
    assert not found.overdue
    assert backup_text(found).startswith("not known: ")
    (place / "swarmnet" / "schedules").mkdir(mode=0o700)
    (place / "swarmnet" / "schedules" / "prod.schedule.json").write_text("{")
    (place / "swarmnet" / "schedules" / "prod.schedule.json").chmod(0o600)
    assert "is damaged" in str(Watched().age("prod").problem)
