"""Every failure mode that can be staged on kernels of its own, staged again: the first verdict names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.verify.staged import OWN, named, staged

if TYPE_CHECKING:
    from tests.support.own_cluster import OwnCluster
    from tests.verify.staged import Staged

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]


@pytest.mark.parametrize("case", [*OWN, staged("F27"), staged("F28")], ids=lambda one: one.mode)
def test_the_first_verdict_names_what_is_broken(case: Staged, own_cluster: OwnCluster) -> None:
    first, *_ = case.seen_on(own_cluster.lab)
    assert (first.cause, tuple(named(first))) == (case.cause, case.hosts), first
    assert first.fix
