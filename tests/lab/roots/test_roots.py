from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import LabError, LockedError
from swarmnet.files import locked
from swarmnet.lab.hosts.disks import require_room
from swarmnet.lab.roots.cache import RootCache, Stamp, recipe_digest
from swarmnet.lab.roots.engines import ENGINES
from swarmnet.lab.roots.setup import prepare
from swarmnet.lab.state import STATE_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab.roots.engines import EngineRelease

RELEASE = ENGINES["26.1"]


def finished(cache: RootCache, release: EngineRelease = RELEASE) -> Path:
    place = cache.place(release)
    (place / "root/usr/sbin").mkdir(parents=True)
    (place / "root/usr/sbin/dockerd").touch()
    stamp = Stamp(recipe=recipe_digest(release), suite=release.suite, engine="26.1.5")
    (place / "stamp.json").write_text(stamp.model_dump_json())
    return place


def test_a_finished_root_is_found_with_its_full_version(tmp_path: Path) -> None:
    cache = RootCache(tmp_path)
    place = finished(cache)

    stamp = cache.stamp(RELEASE)

    assert cache.root(RELEASE) == place / "root"
    assert stamp is not None
    assert stamp.engine == "26.1.5"


@pytest.mark.parametrize("damage", ["stamp.json", "root/usr/sbin/dockerd"])
def test_a_root_that_lost_a_part_counts_as_missing(tmp_path: Path, damage: str) -> None:
    cache = RootCache(tmp_path)
    (finished(cache) / damage).unlink()

    with pytest.raises(LabError, match=r"no root file system for engine 26\.1") as missing:
        cache.root(RELEASE)
    assert "lab setup --engine 26.1" in str(missing.value.hint)


def test_a_root_of_another_recipe_is_not_taken_for_this_one_and_the_error_says_what_it_is(tmp_path: Path) -> None:
    cache = RootCache(tmp_path)
    finished(cache)
    changed = replace(RELEASE, packages=(*RELEASE.packages, "vim"))

    with pytest.raises(LabError, match="the existing one was built by another version of swarmnet") as missing:
        cache.root(changed)
    assert "lab setup --engine 26.1" in str(missing.value.hint)


def test_outdated_roots_go_unless_a_lab_uses_them(tmp_path: Path) -> None:
    cache = RootCache(tmp_path)
    current = finished(cache)
    used, _unused = (finished(cache, replace(RELEASE, packages=(name,))) for name in ("vim", "nano"))

    cache.remove_outdated(used={used / "root"})

    assert sorted(tmp_path.iterdir()) == sorted([current, used])


def test_c1_what_only_looks_like_a_root_is_never_removed(tmp_path: Path) -> None:
    cache = RootCache(tmp_path / "cache")
    outside = finished(RootCache(tmp_path / "elsewhere"), replace(RELEASE, packages=("vim",)))
    (cache.base / "engine-room-photos").mkdir(parents=True)
    (cache.base / "engine-26.1-0123456789ab/root").mkdir(parents=True)
    (cache.base / "engine-26.1-copied").mkdir()
    (cache.base / "engine-26.1-copied/stamp.json").write_bytes((outside / "stamp.json").read_bytes())
    (cache.base / outside.name).symlink_to(outside)
    before = sorted(cache.base.iterdir())

    cache.remove_outdated(used=())

    assert sorted(cache.base.iterdir()) == before
    assert (outside / "stamp.json").exists()


@pytest.mark.parametrize("place", ["engine-26.1-{digest}", ".engine-26.1.building"])
def test_c1_a_directory_in_the_way_of_a_build_is_named_and_left_alone(tmp_path: Path, place: str) -> None:
    theirs = tmp_path / place.format(digest=recipe_digest(RELEASE)) / "photos"
    theirs.mkdir(parents=True)

    (problem,) = RootCache(tmp_path).build([RELEASE], say=lambda _: None)

    assert f"{theirs.parent} is not a root file system of swarmnet" in problem
    assert theirs.is_dir()


def test_building_what_is_there_changes_nothing(tmp_path: Path) -> None:
    cache = RootCache(tmp_path)
    finished(cache)
    said: list[str] = []

    assert cache.build([RELEASE], say=said.append) == []
    assert said == ["engine 26.1.5: ready"]


def test_only_one_process_at_a_time_builds(tmp_path: Path) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(tmp_path / "lock", limit=1):
            held.set()
            done.wait(5)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    with pytest.raises(LockedError, match="is held by another process"), locked(tmp_path / "lock", limit=0.05):
        pass
    done.set()
    holder.join()


def test_a_disk_without_room_for_the_hosts_is_refused_with_numbers(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"MiB free, 10000000 hosts need 3000000000 MiB"):
        require_room(tmp_path, hosts=10_000_000)


@pytest.mark.lab
def test_setup_is_not_stopped_by_a_journal_that_no_lab_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/lab.json").write_text("{}")
    said: list[str] = []

    versions = prepare(["26.1"], may_install=False, say=said.append)

    assert versions.keys() == {"26.1"}
    assert any("photos" in line for line in said)
