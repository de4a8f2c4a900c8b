from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab.machine.neighbours import WANTED, give_back, make_room

if TYPE_CHECKING:
    from pathlib import Path

DEFAULTS = {"gc_thresh1": 128, "gc_thresh2": 512, "gc_thresh3": 1024}


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return written(tmp_path, DEFAULTS)


def written(folder: Path, limits: dict[str, int]) -> Path:
    for name, value in limits.items():
        (folder / name).write_text(f"{value}\n")
    return folder


def limits(folder: Path) -> dict[str, int]:
    return {name: int((folder / name).read_text()) for name in WANTED}


def test_a_small_lab_leaves_the_limits_of_the_machine(settings: Path, tmp_path: Path) -> None:
    assert not make_room(5, settings=settings, before=tmp_path / "before")
    assert limits(settings) == DEFAULTS


def test_a_large_lab_raises_them_and_the_end_of_the_last_one_sets_them_back(settings: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"

    assert make_room(60, settings=settings, before=before)
    assert limits(settings) == WANTED
    assert not make_room(60, settings=settings, before=before)
    give_back(settings=settings, before=before)

    assert limits(settings) == DEFAULTS
    assert not before.exists()


def test_what_a_run_that_ended_early_left_half_raised_is_set_back_too(settings: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    make_room(60, settings=settings, before=before)
    written(settings, {"gc_thresh1": 128})

    assert make_room(60, settings=settings, before=before)
    give_back(settings=settings, before=before)

    assert limits(settings) == DEFAULTS


def test_higher_limits_stay_and_so_does_what_someone_sets_meanwhile(settings: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    written(settings, {"gc_thresh3": 131072})

    make_room(60, settings=settings, before=before)
    assert limits(settings)["gc_thresh3"] == 131072
    written(settings, {"gc_thresh2": 20000})
    give_back(settings=settings, before=before)

    assert limits(settings) == {"gc_thresh1": 128, "gc_thresh2": 20000, "gc_thresh3": 131072}


def test_where_nothing_was_raised_nothing_is_set_back(settings: Path, tmp_path: Path) -> None:
    give_back(settings=settings, before=tmp_path / "before")

    assert limits(settings) == DEFAULTS
