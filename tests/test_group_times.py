"""The table of seconds at the end of a run."""

from __future__ import annotations

import pytest

from tests.support.group_times import group_of, table


def report(nodeid: str, seconds: float, worker: str) -> pytest.TestReport:
    one = pytest.TestReport(nodeid, (nodeid, 1, nodeid), {}, "passed", None, "call", duration=seconds)
    one.worker_id = worker  # type: ignore[attr-defined]  # as xdist does
    return one


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/a/test_x.py::test_y@own_cluster", "own_cluster"),
        ("tests/a/test_x.py::test_y[a-b]@test_x", "test_x"),
        ("tests/a/test_x.py::test_y", "tests/a/test_x.py"),
        ("tests/a/test_x.py::test_y[m1@host]", "tests/a/test_x.py"),
        ("tests/a/test_x.py::test_y[a@b]@test_x", "test_x"),
    ],
)
def test_tests_that_share_a_lab_are_one_group_and_others_are_counted_by_file(nodeid: str, group: str) -> None:
    assert group_of(nodeid) == group


def test_the_longest_is_first_short_ones_are_one_line_and_each_worker_has_its_own() -> None:
    seen = (
        report("tests/test_a.py::test_1@lab", 4.0, "gw0"),
        report("tests/test_a.py::test_2@lab", 4.0, "gw0"),
        report("tests/test_b.py::test_3", 9.5, "gw1"),
        report("tests/test_c.py::test_4", 1.0, "gw1"),
        report("tests/test_d.py::test_5", 1.5, "gw1"),
    )

    assert table(seen) == [
        "    9.5 tests/test_b.py",
        "    8.0 lab",
        "    2.5 2 others",
        "    8.0 on worker gw0",
        "   12.0 on worker gw1",
    ]
