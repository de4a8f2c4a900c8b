"""Copies to targets that vanish, refuse or lie, at every call; to full ones; and copies that are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.sealing import sealing_vault
from swarmnet.edge.backups.away import AwayRepository
from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.targets.directory import DirectoryTarget
from swarmnet.edge.targets.s3 import S3Target
from swarmnet.errors import DamagedError, SwarmnetError, TargetError, TargetUnreachableError
from swarmnet.model.events import ignore
from swarmnet.workflows.backup_copy import Destination, Outcome, copy
from swarmnet.workflows.backup_lookup import check, listing
from tests.support.backup_targets import KINDS, Place
from tests.support.faulty_target import DEATH, FAULTS, Died, FaultyTarget
from tests.support.sealed import VAULT, take

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.model.targets import BackupTarget
    from swarmnet.workflows.backup_copy import Copied

DAYS = 3


def _copy(source: DirectoryRepository, target: BackupTarget, *, replace: bool = False) -> tuple[Copied, ...]:
    to = Destination(target, AwayRepository(target), replace=replace)
    return copy(listing(source, VAULT), source=source, vault=VAULT, to=to, listener=ignore)


def _sound(target: BackupTarget) -> set[str]:
    """Return the names of the backups that are whole at a target."""
    away = AwayRepository(target)
    return {one.entry.name for one in check(listing(away, VAULT), repository=away, vault=VAULT) if one.problem is None}


def _calls(source: DirectoryRepository, folder: Path) -> int:
    counting = FaultyTarget(DirectoryTarget(folder), at=-1, fault="")
    _copy(source, counting)
    return counting.calls


@pytest.mark.parametrize("fault", [*FAULTS, DEATH])
def test_a_fault_at_any_call_loses_nothing_and_the_next_run_ends_it(fault: str, tmp_path: Path) -> None:
    source = take(tmp_path / "backups", DAYS)
    names = {one.name for one in listing(source, VAULT)}
    calls = _calls(source, tmp_path / "counted")
    for at in range(calls):
        real = DirectoryTarget(tmp_path / f"{fault}-{at}")
        faulty = FaultyTarget(real, at=at, fault=fault)
        try:
            copied = _copy(source, faulty)
        except Died:
            copied = ()
        for one in copied:
            assert (one.problem is None) is (one.outcome is not Outcome.FAILED)
            assert one.problem is None or (one.problem.hint and one.problem.exit_code in (1, 13, 75))
            # What counts as copied is whole there.
            assert one.outcome is Outcome.FAILED or one.entry.name in _sound(real)
        again = _copy(source, real)
        if any(one.outcome is Outcome.FAILED for one in again):  # what a lie left under the name
            assert fault == "keeps a part"
            again = _copy(source, real, replace=True)
        assert all(one.problem is None for one in again), (fault, at)
        assert _sound(real) == names, (fault, at)
        assert {one.name for one in listing(source, VAULT)} == names


@pytest.mark.parametrize(
    ("fault", "kind"), [("vanishes", TargetUnreachableError), ("refuses", TargetError), ("keeps nothing", DamagedError)]
)
def test_each_trouble_has_its_exit_code(fault: str, kind: type[SwarmnetError], tmp_path: Path) -> None:
    faulty = FaultyTarget(DirectoryTarget(tmp_path / "away"), at=None, fault=fault)
    copied = _copy(take(tmp_path / "backups", DAYS), faulty)
    assert {type(one.problem) for one in copied} == {kind}


def test_a_target_that_vanished_is_not_asked_once_for_each_backup(tmp_path: Path) -> None:
    faulty = FaultyTarget(DirectoryTarget(tmp_path / "away"), at=None, fault="vanishes")
    _copy(take(tmp_path / "backups", 9), faulty)
    assert faulty.calls == 1


@pytest.fixture(params=list(KINDS))
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with KINDS[request.param](tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.lab
def test_a_full_disk_there_is_an_error_and_leaves_no_part(place: Place, tmp_path: Path) -> None:
    source = take(tmp_path / "backups", 1)
    place.folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place.folder)], check=True)
    try:
        with (place.folder / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while filler.write(bytes(4096)):
                pass
        (failed,) = _copy(source, place.target)
        assert isinstance(failed.problem, SwarmnetError)
        assert failed.problem.exit_code == 1
        assert failed.problem.hint
        assert _sound(place.target) == set()
        assert isinstance(place.target, S3Target) or place.names() == ["filler"]  # rclone's disk keeps the part
        (place.folder / "filler").unlink()
        assert [one.outcome for one in _copy(source, place.target, replace=True)] == [Outcome.COPIED]
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(place.folder)], check=True)


def test_a_copy_that_is_killed_goes_on_where_it_was(place: Place, tmp_path: Path) -> None:
    BackupKeys(tmp_path / "keys").create("alice")
    vault = sealing_vault(tmp_path / "keys", None, None, single_recipient=False)
    take(tmp_path / "backups", 6, vault)
    argv = [sys.executable, "-m", "swarmnet", "backup", "copy", "--all", "--to", place.url]
    argv += ["--repository", str(tmp_path / "backups"), "--keys", str(tmp_path / "keys")]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        lines = (line for line in process.stderr if line.startswith(b"copying"))
        assert len(list(islice(lines, 3))) == 3  # the third one is under way
        process.send_signal(signal.SIGKILL)

    away = AwayRepository(place.target)
    assert all(one.problem is None for one in check(listing(away, vault), repository=away, vault=vault))
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 0
    assert len(check(listing(away, vault), repository=away, vault=vault)) == 6
