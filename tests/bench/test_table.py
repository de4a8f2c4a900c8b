"""What the bench says of a machine and of its rows; the measuring itself is ``make bench``."""

from __future__ import annotations

import pytest

from tests.bench.__main__ import MANY, OF_RAFT, OF_SERVICES, SIZES, WORKS, asked, free_memory, too_small
from tests.bench.rows import Row, header, line
from tests.bench.running import Spent


@pytest.mark.parametrize(
    ("hosts", "cores", "free", "reason"),
    [
        (3, 1, 64.0, "1 core; 3 hosts need 2"),
        (3, 2, 0.5, "0.5 GiB of memory are free; 3 hosts need 1"),
        (20, 2, 2.9, "2.9 GiB of memory are free; 20 hosts need 3"),
        (60, 64, 7.0, "7.0 GiB of memory are free; 60 hosts need 8"),
        (60, 2, 8.0, None),
        (3, 2, 1.0, None),
    ],
)
def test_a_machine_that_is_too_small_is_named_with_what_it_lacks(
    hosts: int, cores: int, free: float, reason: str | None
) -> None:
    assert too_small(hosts, cores=cores, free=free) == reason


def test_every_size_has_its_need_of_memory() -> None:
    assert [too_small(hosts, cores=2, free=100.0) for hosts, _overlays in (*SIZES, MANY)] == [None, None, None]
    assert free_memory() > 0


def test_a_row_shows_ratios_and_what_a_host_more_costs() -> None:
    row = Row("first apply", 60, 20, {"swarmnet": 6.0, "raw API": 3.0}, per_host=0.05)
    assert row.ratios == {"raw API": 0.5}
    assert line(row).endswith("s for each host more")
    assert "+0.050" in line(row)


def test_a_short_run_is_asked_for_by_work_and_size() -> None:
    assert asked([]) == (SIZES, MANY, frozenset((*WORKS, *OF_RAFT, *OF_SERVICES)))
    assert asked(["--only", "status", "--hosts", "3"]) == (((3, 5),), None, frozenset({"status"}))
    assert asked(["--many", "4", "--overlays", "2"]) == ((), (4, 2), frozenset((*WORKS, *OF_RAFT, *OF_SERVICES)))


def test_a_row_shows_the_memory_of_swarmnet_alone() -> None:
    row = Row("backup", 3, 5)
    row.took("swarmnet", Spent(1.5, 92.34))
    row.took("usual script", Spent(3.0, 12.0))
    assert row.peak_mib == 92.3
    assert "92 MiB" in line(row)
    assert line(row).index("92 MiB") + len("92 MiB") == header().strip().index("memory") + len("memory")
