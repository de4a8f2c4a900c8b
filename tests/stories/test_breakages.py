"""The table of what is taken away from each example; ``tests/soak/soak_breakages.py`` does it on real hosts."""

from __future__ import annotations

from swarmnet.lab.roots.engines import ENGINES
from tests.support.breakages import BREAKAGES, SHOWN_ON, Taken
from tests.test_playbooks import EXPECTED


def test_each_example_that_expects_something_has_three_breakages_of_its_own_kind_each() -> None:
    assert {*BREAKAGES} == {*EXPECTED, "site"}
    for rows in BREAKAGES.values():
        assert [one.taken for one in rows] in (
            [Taken.RULE, Taken.NETWORK, Taken.SERVICE],
            [Taken.PORT, Taken.NETWORK, Taken.SERVICE],
        )
        assert all(one.red for one in rows)


def test_each_is_broken_on_one_engine_at_least_and_each_engine_sees_four() -> None:
    assert {name for names in SHOWN_ON.values() for name in names} == {*BREAKAGES}
    assert {*SHOWN_ON} > {*ENGINES}
    assert all(len(SHOWN_ON[version]) >= 4 for version in ENGINES)
