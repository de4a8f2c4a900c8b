from __future__ import annotations

import pytest

from swarmnet.errors import UsageError
from tests.support.clusters import inventory


@pytest.mark.parametrize("selectors", [["w1", "!w1"], ["!all"], ["worker", "!worker"], ["!m1", "!w1"]])
def test_selectors_that_leave_no_host_are_an_error(selectors: list[str]) -> None:
    with pytest.raises(UsageError, match="selects no host"):
        inventory(1, 1).select(selectors)


def test_a_later_selector_adds_a_host_that_an_earlier_one_took_out() -> None:
    assert [host.name for host in inventory(1, 1).select(["all", "!w1", "w1"]).hosts] == ["m1", "w1"]
