"""What verify's table of expected and seen shows after something is taken away; ``tests/soak`` has all examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.breakages import BREAKAGES, Taken
from tests.support.shown_examples import Shown
from tests.test_playbooks import EXPECTED

if TYPE_CHECKING:
    from tests.support.own_cluster import OwnCluster


def test_each_example_that_expects_something_has_three_breakages_of_its_own_kind_each() -> None:
    assert {*BREAKAGES} == {*EXPECTED, "site"}
    for rows in BREAKAGES.values():
        assert [one.taken for one in rows] in (
            [Taken.RULE, Taken.NETWORK, Taken.SERVICE],
            [Taken.PORT, Taken.NETWORK, Taken.SERVICE],
        )
        assert all(one.red for one in rows)


@pytest.mark.lab
def test_a_rule_turns_exactly_its_lines_red(own_cluster: OwnCluster) -> None:
    shown = Shown(own_cluster.lab, own_cluster.operator, own_cluster.inventory, "first-steps", image="own:1")
    try:
        shown.applied()
        shown.broken_and_repaired(BREAKAGES["first-steps"][:1])
    finally:
        shown.removed()
