"""Every failure mode of hosts and of the network between them, staged again: the first verdict names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Lab
from tests.verify.staged import named
from tests.verify.staged_hosts import KERNEL, UNDERLAY, spec, swarm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.verify.staged import Staged

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Lab]:
    """Bring up hosts that share a kernel."""
    with Lab.up(spec("shared")) as lab:
        swarm(lab)
        yield lab


@pytest.fixture(scope="module")
def mixed() -> Iterator[Lab]:
    """Bring up hosts of which one has a kernel of its own."""
    with Lab.up(spec("own")) as lab:
        swarm(lab)
        yield lab


def names(case: Staged, lab: Lab) -> None:
    first, *_ = case.seen_on(lab)
    assert (first.cause, tuple(named(first))) == (case.cause, case.hosts), first
    assert first.fix


@pytest.mark.parametrize("case", UNDERLAY, ids=lambda one: one.mode)
def test_the_first_verdict_names_what_is_broken(case: Staged, cluster: Lab) -> None:
    names(case, cluster)


@pytest.mark.parametrize("case", KERNEL, ids=lambda one: one.mode)
def test_the_first_verdict_names_what_is_wrong_with_a_kernel(case: Staged, mixed: Lab) -> None:
    names(case, mixed)
