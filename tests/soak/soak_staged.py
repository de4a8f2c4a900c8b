"""Every failure mode that can be staged on kernels of its own, staged again: the first verdict names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.commands import docker
from tests.verify.staged import OWN, STAY, named

if TYPE_CHECKING:
    from tests.support.own_cluster import OwnCluster
    from tests.verify.staged import Staged

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]
HOSTS = ("m1", "m2", "m3")


@pytest.mark.parametrize("case", OWN, ids=lambda one: one.mode)
def test_the_first_verdict_names_what_is_broken(case: Staged, own_cluster: OwnCluster) -> None:
    for host in HOSTS:
        if "staying" not in docker(own_cluster.lab, host, "ps", "--format", "{{.Names}}").split():
            docker(own_cluster.lab, host, *STAY.split()[1:])
    first, *_ = case.seen_on(own_cluster.lab)
    assert (first.cause, tuple(named(first))) == (case.cause, case.hosts), first
    assert first.fix
